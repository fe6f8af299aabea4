"""Cost of the fusion networks beside a plain `nn.TransformerEncoder` of the same width, and of the live path.

run()         rows for `make bench`
plot(path)    cost growth with the window's length and the number of feature sets, as a picture:
              python -m tests.perception.fusion.bench_fusion --plot docs/fusion_growth.png
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LENGTHS = (64, 128, 256, 512, 1024)
SETS = (1, 2, 3, 4, 6)
REPEATS = 3


def _step_cost(step: Callable[[], Any]) -> tuple[float, float]:
    """Median milliseconds of a training step on one thread, and megabytes that autograd keeps for the way back."""
    import torch

    kept: dict[int, int] = {}

    def note(tensor: Any) -> Any:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        step().backward()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        step().backward()
        times.append(time.process_time() - start)
    return statistics.median(times) * 1e3, sum(kept.values()) / 2**20


def _models(length: int, sets: int, d_affine: int = 64) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A training step of Abaw5Model (va) and one of the plain encoder on features already of its width."""
    import torch

    from perception.challenges.abaw5 import Abaw5Model

    torch.manual_seed(0)
    width = sets * d_affine
    model = Abaw5Model("va", [256] * sets, d_affine=d_affine, max_length=1024).train()
    layer = torch.nn.TransformerEncoderLayer(width, 4, 2 * width, 0.2, batch_first=True)
    plain = torch.nn.TransformerEncoder(layer, 4, enable_nested_tensor=False).train()
    x, ready = torch.randn(2, length, 256 * sets), torch.randn(2, length, width)
    return lambda: model(x).square().mean(), lambda: plain(ready).square().mean()


def growth() -> list[dict[str, Any]]:
    """Training-step cost over the window's length (two sets) and over the number of sets (256 frames)."""
    import torch

    torch.set_num_threads(1)
    rows = []
    for length, sets in [(length, 2) for length in LENGTHS] + [(256, sets) for sets in SETS if sets != 2]:
        ours, theirs = _models(length, sets)
        (ms, mb), (base_ms, base_mb) = _step_cost(ours), _step_cost(theirs)
        rows.append({
            "what": f"training step, {length} frames, {sets} sets", "frames": length, "sets": sets,
            "ours, ms": ms, "nn.TransformerEncoder, ms": base_ms, "ratio": ms / base_ms,
            "kept, MB": mb, "kept by the encoder, MB": base_mb,
        })  # fmt: skip
    return rows


def live() -> list[dict[str, Any]]:
    """Milliseconds of `hear` (0.1 s of sound at 48 kHz) and of `update`, one thread, against reading 4 s afresh."""
    from perception.features.sound import measure
    from perception.fusion.live import LiveFusion
    from perception.models import load
    from tests.perception.sounds import voice

    model = load("fusion/starter")
    step = model.voice.speech.step
    # The made voice is no speech: the network that says so runs all the same, and is overruled.
    model.voice.speech.step = lambda sound, memory: (1.0, step(sound, memory)[1])
    stream, sound = LiveFusion(model), np.tile(np.repeat(voice(1.0), 3), 12)
    hear, update = [], []
    for k in range(120):
        start = time.process_time()
        stream.hear(sound[4800 * k : 4800 * (k + 1)], 48_000, t_s=0.1 * k)
        middle = time.process_time()
        stream.see([1 / 7] * 7, t_s=0.1 * k)
        stream.update(0.1 * k)
        hear.append(middle - start)
        update.append(time.process_time() - middle)
    x, afresh = voice(4.0), []
    for _ in range(5):
        start = time.process_time()
        model.voice.of_tracks(measure(x))
        afresh.append(time.process_time() - start)
    base = statistics.median(afresh) * 1e3
    rows = []
    for name, times in (("hear (0.1 s)", hear), ("update", update)):
        ms = np.array(times[50:]) * 1e3
        middle, late = float(np.median(ms)), float(np.percentile(ms, 95))
        rows.append(
            {"what": f"live {name}", "ours, ms": middle, "p95, ms": late, "base, ms": base, "ratio": middle / base}
        )
    return rows


def run() -> list[dict[str, Any]]:
    """The rows of both, with the columns of a common table."""
    rows = []
    for r in growth():
        note = f"kept {r['kept, MB']:.0f} MB, encoder {r['kept by the encoder, MB']:.0f} MB"
        rows.append(_row(r, r["nn.TransformerEncoder, ms"], note))
    return rows + [_row(r, r["base, ms"], f"p95 {r['p95, ms']:.2f} ms; base: reading 4 s afresh") for r in live()]


def _row(measured: dict[str, Any], baseline: float, note: str) -> dict[str, Any]:
    ours = {key: measured[key] for key in ("what", "ours, ms", "ratio")}
    return {
        "what": ours["what"],
        "ours, ms": ours["ours, ms"],
        "baseline, ms": baseline,
        "ratio": ours["ratio"],
        "note": note,
    }


def plot(path: Path, rows: list[dict[str, Any]] | None = None) -> None:
    """Draw `growth()` into a picture file."""
    import matplotlib.pyplot as plt

    rows = rows or growth()
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for axis, key, fixed, title in (
        (axes[0], "frames", "sets", "window (2 sets)"),
        (axes[1], "sets", "frames", "sets (256 frames)"),
    ):
        chosen = sorted((r for r in rows if r[fixed] == (2 if fixed == "sets" else 256)), key=lambda r: r[key])
        for column in ("ours, ms", "nn.TransformerEncoder, ms"):
            axis.plot([r[key] for r in chosen], [r[column] for r in chosen], marker="o", label=column)
        axis.set(xlabel=title, ylabel="training step, ms", ylim=(0, None))
        axis.legend()
    figure.savefig(path, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path, required=True, metavar="FILE.png")
    arguments = parser.parse_args()
    measured = growth()
    plot(arguments.plot, measured)
    for one in measured:
        print({key: round(value, 2) if isinstance(value, float) else value for key, value in one.items()})  # noqa: T201

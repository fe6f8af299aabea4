"""LoRA adapters as folders: written whole or not at all, checked before use, named by their content.

Why by content: a server's prefix cache is keyed by the adapter's name; two adapters that ever share a name can answer
from each other's cache (vLLM issues 30931 and 42125). A name that holds a hash of the weights cannot be shared.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llm.files import sha256_of
from llm.tuning.stack import ModelProblem, tensor_shapes

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
#: Written last into every folder that this package saves: the hashes of the other files.
MANIFEST = "manifest.json"
#: The layers that are one matrix in a base with tied embeddings.
EMBEDDINGS = frozenset({"embed_tokens", "lm_head"})


def write_folder(folder: Path, fill: Callable[[Path], None], about: dict[str, str] | None = None) -> None:
    """Let `fill` write into a side folder, add the manifest, then move it into place. On any error `folder` is
    untouched.
    """
    side, old = folder.with_name(folder.name + ".part"), folder.with_name(folder.name + ".old")
    for leftover in (side, old):
        shutil.rmtree(leftover, ignore_errors=True)
    side.mkdir(parents=True)
    try:
        fill(side)
        files = {p.name: sha256_of(p) for p in sorted(side.iterdir()) if p.is_file()}
        _write_synced(side / MANIFEST, json.dumps({"files": files, **(about or {})}, indent=2) + "\n")
    except BaseException:
        shutil.rmtree(side, ignore_errors=True)
        raise
    if folder.exists():
        os.replace(folder, old)
    os.replace(side, folder)
    shutil.rmtree(old, ignore_errors=True)


def _write_synced(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def base_fingerprint(base: str | Path) -> str:
    """What tells one base from another: a hash over its tensors' names and shapes and the ends of its weight files.

    Not over all weights: 28 GB would have to be read at every start. `base` may be a GGUF file. Empty for a hub name.
    """
    folder = Path(base)
    digest = hashlib.sha256()
    if folder.is_file():
        _digest_ends(digest, folder)
    elif folder.is_dir():
        for file in sorted(folder.glob("*.safetensors")):
            digest.update(repr(sorted(tensor_shapes(file).items())).encode())
            _digest_ends(digest, file)
    else:
        return ""
    return digest.hexdigest()[:16]


def _digest_ends(digest: Any, file: Path) -> None:
    """The first and last MiB: same shapes, other training."""
    with file.open("rb") as reader:
        digest.update(reader.read(1 << 20))
        reader.seek(max(0, file.stat().st_size - (1 << 20)))
        digest.update(reader.read(1 << 20))


def check_adapter(folder: Path, base: str | Path) -> int:
    """Whole, undamaged and made for this base (a model folder, a hub name)? Returns its rank. Raises ModelProblem."""
    rank = check_folder(folder, base)
    _check_shapes(folder, base, tensor_shapes(folder / WEIGHTS))
    return rank


def check_folder(folder: Path, base: str | Path) -> int:
    """As `check_adapter`, without its layers' shapes: also for a base that is a GGUF file, whose fingerprint the
    manifest keeps beside that of the safetensors it was turned into for tuning."""
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise ModelProblem(f"{folder} is no adapter folder: it needs {CONFIG} and {WEIGHTS}")
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        rank = int(config["r"])
    except (ValueError, KeyError) as error:
        raise ModelProblem(f"{folder / CONFIG} is damaged: {error}") from error
    tensor_shapes(folder / WEIGHTS)
    if (folder / MANIFEST).is_file():
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, expected in manifest["files"].items():
            if not (folder / name).is_file() or sha256_of(folder / name) != expected:
                raise ModelProblem(f"{folder / name} is not the file that was saved. Next step: copy the adapter again")
        made_for = manifest.get("gguf_fingerprint" if Path(base).is_file() else "base_fingerprint", "")
        this = base_fingerprint(base)
        if made_for and this and made_for != this:
            raise ModelProblem(f"the adapter {folder} was tuned on another base ({made_for}) than {base} ({this})")
    return max([rank, *(int(r) for r in (config.get("rank_pattern") or {}).values())])


def targets_of(folder: Path) -> set[str]:
    """The last names of the layers that an adapter changes, e.g. q_proj, embed_tokens."""
    layers = {name.partition(".lora_")[0] for name in tensor_shapes(folder / WEIGHTS) if ".lora_" in name}
    return {layer.rpartition(".")[2] for layer in layers}


def unservable(folder: Path) -> str:
    """Why vLLM cannot serve this adapter beside its base, or "" where it can. `merge` makes a model of each of them."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if (kind := config.get("peft_type") or "LORA") != "LORA":
        return f"an adapter of the kind {kind}"
    if config.get("use_dora"):
        return "a DoRA adapter"
    if config.get("rank_pattern") or config.get("alpha_pattern"):  # it scales all layers by the one r and lora_alpha
        return "an adapter whose ranks or alphas differ between layers (rank_pattern, alpha_pattern)"
    if config.get("modules_to_save"):
        return f"an adapter that holds whole layers (modules_to_save: {', '.join(config['modules_to_save'])})"
    if config.get("trainable_token_indices"):
        return "an adapter that changes single tokens (trainable_token_indices)"
    if (config.get("bias") or "none") != "none" or config.get("lora_bias"):
        return "an adapter with biases"
    if embeddings := sorted(targets_of(folder) & EMBEDDINGS):
        return f"an adapter of the embeddings ({', '.join(embeddings)})"
    return ""


def _check_shapes(folder: Path, base: str | Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Each A must take what its layer of the base takes, each B must give what it gives."""
    weights = {n: s for file in Path(base).glob("*.safetensors") for n, s in tensor_shapes(file).items()}
    for name, shape in shapes.items():
        layer, _, part = name.removeprefix("base_model.model.").partition(".lora_")
        if not weights or part[:1] not in {"A", "B"} or len(shape) != 2:
            continue
        stored = layer
        if layer == "lm_head" and "lm_head.weight" not in weights:  # tied: the output's matrix is the input's
            stored = "model.embed_tokens"
        target = weights.get(f"{stored}.weight")
        if target is None:
            raise ModelProblem(
                f"the adapter {folder} changes {layer}, which the base {base} does not have: another base's adapter"
            )
        if (part[0] == "A" and shape[1] != target[1]) or (part[0] == "B" and shape[0] != target[0]):
            raise ModelProblem(
                f"the adapter {folder} does not fit {base}: {layer} is {target}, the adapter's part is {shape}"
            )


def content_name(name: str, folder: Path) -> str:
    """`name@` and the first 8 hex digits of a hash over weights and configuration."""
    parts = sha256_of(folder / WEIGHTS) + sha256_of(folder / CONFIG)
    return f"{name}@{hashlib.sha256(parts.encode()).hexdigest()[:8]}"

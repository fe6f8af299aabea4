"""A tuned adapter made ready to ship: half the size, no path of this machine in it, and what its base must be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from llm.tuning.adapters import CONFIG, WEIGHTS, base_fingerprint, write_folder


def install_adapter(
    run: Path,
    folder: Path,
    base: Path,
    licence: str,
    base_name: str = "",
    gguf: Path | None = None,
    add: Callable[[Path], None] = lambda side: None,
) -> None:
    """Write the adapter of the finished `run` into `folder`, whole or not at all, as bfloat16 with its run card beside.

    `base_name` is what the base is called where no path can be (default: the name of its folder). `gguf` is the file
    that the base was dequantised from: its fingerprint is kept as well, so that llama.cpp can check it. `add` may put
    more files into the folder before its hashes are taken.
    """
    import torch
    from safetensors.torch import load_file, save_file

    name = base_name or base.name
    tensors = {key: tensor.to(torch.bfloat16) for key, tensor in load_file(run / "adapter" / WEIGHTS).items()}
    config = json.loads((run / "adapter" / CONFIG).read_text(encoding="utf-8")) | {"base_model_name_or_path": name}
    card = json.loads((run / "run_card.json").read_text(encoding="utf-8"))
    card["base"] = card["options"]["base"] = name
    if started := card["options"].get("start_from"):
        card["options"]["start_from"] = Path(started).parent.name

    def fill(side: Path) -> None:
        save_file(tensors, side / WEIGHTS, metadata={"format": "pt"})
        (side / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        (side / "run_card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        add(side)

    about = {"base": name, "base_fingerprint": base_fingerprint(base), "licence": licence}
    if gguf is not None:
        about["gguf_fingerprint"] = base_fingerprint(gguf)
    write_folder(folder, fill, about)

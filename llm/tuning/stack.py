"""Importing transformers and loading a base model, in one place, because both have traps."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any


class ModelProblem(ValueError):
    """A model or adapter folder that cannot be used: what is wrong with it, and the next step."""


def declare_torchvision_operators() -> None:
    """Let transformers be imported beside a torchvision whose compiled half does not match a CPU build of torch.

    Its Python half registers a rule for an operator that its compiled half would have declared; declared here, the
    import goes through. No vision model is used in this package.
    """
    import torch

    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _DECLARED.append(library)


#: A declaration lives as long as its library object.
_DECLARED: list[Any] = []


def load_tokenizer(base: str | Path) -> Any:
    """The tokenizer of a base model. Raises ModelProblem where there is none, or where it has no chat template."""
    declare_torchvision_operators()
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(base))
    except (OSError, ValueError, KeyError) as error:
        raise ModelProblem(f"no tokenizer can be loaded from {str(base)!r}: {error}") from error
    if not tokenizer.chat_template:
        raise ModelProblem(
            f"{str(base)!r} has no chat template. Next step: take the chat (Instruct) version of this model"
        )
    return tokenizer


def load_base(base: str | Path, dtype: str = "float32", **options: Any) -> Any:
    """The causal language model of a folder or hub name, in evaluation mode. Raises ModelProblem."""
    declare_torchvision_operators()
    import torch
    from transformers import AutoModelForCausalLM

    check_model_folder(base)
    try:
        model = AutoModelForCausalLM.from_pretrained(str(base), dtype=getattr(torch, dtype), **options)
    except (OSError, ValueError, KeyError) as error:
        raise ModelProblem(
            f"the model {str(base)!r} cannot be loaded: {error}. Next step: give a folder with config.json and "
            "safetensors, or a hub name that this machine has in its cache"
        ) from error
    return model.eval()


def check_model_folder(base: str | Path) -> None:
    """Cheap checks of a local folder, before anything heavy starts. A hub name passes. Raises ModelProblem."""
    folder = Path(base)
    if not folder.exists():
        if str(base).startswith((".", "/", "~")) or str(base).count("/") > 1:
            raise ModelProblem(f"there is no model folder {str(base)!r}. Next step: check the path")
        return
    if not (folder / "config.json").is_file():
        raise ModelProblem(f"{folder} holds no config.json, so it is no model folder")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights and not list(folder.glob("*.bin")):
        raise ModelProblem(f"{folder} holds no weights (*.safetensors)")
    for file in weights:
        tensor_shapes(file)


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape from a safetensors header, which also says how long the file must be. Raises ModelProblem if it
    is not.
    """
    size = file.stat().st_size
    try:
        with file.open("rb") as reader:
            (length,) = struct.unpack("<Q", reader.read(8))
            if not 2 <= length <= min(size - 8, 100_000_000):
                raise ValueError("its header is longer than the file")
            header = json.loads(reader.read(length))
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = 8 + length + max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
        if end != size:
            raise ValueError(f"it should have {end} bytes and has {size}")
        return {name: tuple(entry["shape"]) for name, entry in tensors.items()}
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise ModelProblem(
            f"{file} is damaged or only half written: {error}. Next step: copy or make it again"
        ) from error

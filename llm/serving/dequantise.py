"""GGUF -> a model folder in bfloat16 safetensors, for the engines and the training that do not read GGUF.

The arithmetic of every quantised block is done in float32 (package `gguf`), each value is then rounded once to
bfloat16, tensor by tensor, so that a model of several gigabytes needs memory for its largest tensor only. Qwen2-shaped
models only: others order the rows of their attention weights differently in the two formats.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.serving.gguf_files import ARCHITECTURE, OUTSIDE, PARTS
from llm.tuning.adapters import write_folder
from llm.tuning.stack import ModelProblem, declare_torchvision_operators

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: GGUF name of a module -> the name that transformers gives it; a layer's part is written without its number.
MODULES = {ours: theirs for theirs, ours in OUTSIDE.items()}
LAYER_PARTS = {ours: theirs for theirs, ours in PARTS.items()}
_LAYER = re.compile(r"blk\.(\d+)\.(.+)")


def dequantise(file: Path, folder: Path, on_tensor: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write the model of the GGUF `file` into `folder`, whole or not at all; `on_tensor(done, total)` after each
    tensor.

    Raises ModelProblem for a file that is no Qwen2-shaped GGUF.
    """
    from gguf import GGUFReader

    try:
        reader = GGUFReader(file)
    except (ValueError, IndexError, OSError) as error:
        raise ModelProblem(f"{file} cannot be read as GGUF: {error}. Next step: fetch it again") from error
    if (kind := _field(reader, "general.architecture")) != ARCHITECTURE:
        raise ModelProblem(f"{file} holds a model of the kind {kind!r}; only {ARCHITECTURE} can be converted here")

    def fill(side: Path) -> None:
        _write_tensors(reader, side / "model.safetensors", on_tensor)
        (side / "config.json").write_text(json.dumps(config_of(reader), indent=2) + "\n", encoding="utf-8")
        _write_tokenizer(file, side)

    write_folder(folder, fill, {"made_from": file.name, "made_by": "dequantised to bfloat16 from a GGUF file"})


def _field(reader: Any, name: str) -> Any:
    found = reader.get_field(name)
    return None if found is None else found.contents()


def config_of(reader: Any) -> dict[str, Any]:
    """The transformers configuration that the GGUF metadata describe."""
    shapes = {t.name: [int(n) for n in t.shape[::-1]] for t in reader.tensors}
    vocabulary, hidden = shapes["token_embd.weight"]
    end = _field(reader, "tokenizer.ggml.eos_token_id")
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": shapes["blk.0.ffn_up.weight"][0],
        "num_hidden_layers": _field(reader, "qwen2.block_count"),
        "num_attention_heads": _field(reader, "qwen2.attention.head_count"),
        "num_key_value_heads": _field(reader, "qwen2.attention.head_count_kv"),
        "max_position_embeddings": _field(reader, "qwen2.context_length"),
        "rms_norm_eps": float(f"{_field(reader, 'qwen2.attention.layer_norm_rms_epsilon'):.3g}"),
        "rope_theta": _field(reader, "qwen2.rope.freq_base"),
        "vocab_size": vocabulary,
        "tie_word_embeddings": "output.weight" not in shapes,
        "bos_token_id": _field(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": end,
        "torch_dtype": "bfloat16",
        "use_cache": True,
    }


def _new_name(name: str) -> str:
    module, _, kind = name.rpartition(".")
    layer = _LAYER.fullmatch(module)
    if layer and layer[2] in LAYER_PARTS:
        return f"model.layers.{layer[1]}.{LAYER_PARTS[layer[2]]}.{kind}"
    if module not in MODULES:
        raise ModelProblem(f"the GGUF tensor {name!r} has no place in a model of the architecture {ARCHITECTURE}")
    return f"{MODULES[module]}.{kind}"


def as_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The nearest bfloat16 of each value (ties to even), as its 16 bits."""
    import numpy as np

    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _write_tensors(reader: Any, path: Path, on_tensor: Callable[[int, int], None]) -> None:
    from gguf.quants import dequantize

    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for tensor in reader.tensors:
        shape = [int(n) for n in tensor.shape[::-1]]
        size = 2 * int(tensor.n_elements)
        header[_new_name(tensor.name)] = {"dtype": "BF16", "shape": shape, "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for done, tensor in enumerate(reader.tensors, start=1):
            out.write(as_bfloat16(dequantize(tensor.data, tensor.tensor_type)).tobytes())
            on_tensor(done, len(reader.tensors))


def _write_tokenizer(file: Path, side: Path) -> None:
    """Vocabulary, merges and chat template out of the GGUF metadata, by transformers' own reader of them."""
    declare_torchvision_operators()
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name).save_pretrained(side)

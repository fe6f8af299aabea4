"""Safetensors to GGUF, the form that llama.cpp reads: a small base for tests, and any LoRA adapter of the Qwen2 shape.

Written from the GGUF specification and the tensor names that llama.cpp expects of the architecture `qwen2`. numpy only,
so that an adapter can be turned where there is no torch.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from llm.files import whole
from llm.tuning.stack import ModelProblem

Floats = npt.NDArray[np.float32]

#: Part of a Qwen2 layer in transformers -> its name in llama.cpp.
PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
#: Types of tokens in GGUF: ordinary, and control tokens, which are never shown.
NORMAL, CONTROL = 1, 3
ARCHITECTURE = "qwen2"


def gguf_name(module: str) -> str:
    """`model.layers.3.self_attn.q_proj` -> `blk.3.attn_q`. Raises ModelProblem for a module that has no place there."""
    if module in OUTSIDE:
        return OUTSIDE[module]
    found = _LAYER.fullmatch(module)
    if found is None or found[2] not in PARTS:
        raise ModelProblem(f"{module} has no place in a GGUF file of the architecture {ARCHITECTURE}")
    return f"blk.{found[1]}.{PARTS[found[2]]}"


def tensors_of(file: Path) -> Iterator[tuple[str, Floats]]:
    """Names and values of a safetensors file, as float32. Raises ModelProblem for a type that is no float."""
    with file.open("rb") as reader:
        (length,) = struct.unpack("<Q", reader.read(8))
        header = json.loads(reader.read(length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            reader.seek(8 + length + begin)
            yield name, _floats(reader.read(end - begin), entry["dtype"], f"{file}: {name}").reshape(entry["shape"])


def _floats(data: bytes, kind: str, where: str) -> Floats:
    if kind == "BF16":  # the upper half of a float32
        return (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    if kind in {"F32", "F16"}:
        return np.frombuffer(data, np.float32 if kind == "F32" else np.float16).astype(np.float32)
    raise ModelProblem(f"{where} has the type {kind}; F32, F16 and BF16 can be turned into GGUF")


def export_adapter(folder: Path, out: Path) -> Path:
    """Write the LoRA adapter of `folder` (peft's form) as GGUF, float32. Raises ModelProblem for one that llama.cpp
    cannot apply: DoRA, whole modules saved, ranks or alphas that differ between modules."""
    from gguf import GGUFWriter

    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    if reason := why_not_gguf(config):
        raise ModelProblem(f"{folder}: {reason}. Next step: `python -m llm merge`, and serve the merged model")
    alpha = float(config["lora_alpha"])
    if config.get("use_rslora"):  # llama.cpp scales by alpha / r, rsLoRA by alpha / sqrt(r)
        alpha *= float(config["r"]) ** 0.5
    with whole(out) as part:
        writer = GGUFWriter(str(part), ARCHITECTURE)
        writer.add_string("general.type", "adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", alpha)
        for name, values in tensors_of(folder / "adapter_model.safetensors"):
            module, _, side = name.removeprefix("base_model.model.").removesuffix(".weight").rpartition(".lora_")
            writer.add_tensor(f"{gguf_name(module)}.weight.lora_{side.lower()}", np.ascontiguousarray(values))
        _write(writer)
    return out


def why_not_gguf(config: Mapping[str, Any]) -> str:
    """Why llama.cpp cannot apply an adapter of this configuration, or nothing."""
    if config.get("peft_type") != "LORA":
        return f"{config.get('peft_type')} is no LoRA"
    if config.get("use_dora"):
        return "llama.cpp applies no DoRA adapter"
    if config.get("modules_to_save"):
        return f"llama.cpp takes no whole modules from an adapter ({', '.join(config['modules_to_save'])})"
    if config.get("rank_pattern") or config.get("alpha_pattern"):
        return "its ranks or alphas differ between modules, which a GGUF adapter cannot say"
    return ""


def export_model(folder: Path, out: Path) -> Path:
    """Write the Qwen2-shaped model of `folder` as GGUF, float32: for small models, tested with exact weights."""
    from gguf import GGUFWriter

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != ARCHITECTURE:
        kind = config.get("model_type")
        raise ModelProblem(f"{folder} is a {kind}; only {ARCHITECTURE} can be turned into GGUF here")
    with whole(out) as part:
        writer = GGUFWriter(str(part), ARCHITECTURE)
        writer.add_block_count(config["num_hidden_layers"])
        writer.add_context_length(config["max_position_embeddings"])
        writer.add_embedding_length(config["hidden_size"])
        writer.add_feed_forward_length(config["intermediate_size"])
        writer.add_head_count(config["num_attention_heads"])
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_rope_freq_base(config.get("rope_theta") or config["rope_parameters"]["rope_theta"])
        writer.add_file_type(0)
        _add_tokenizer(writer, folder, config["vocab_size"])
        for file in sorted(folder.glob("*.safetensors")):
            for name, values in tensors_of(file):
                module, _, kind = name.rpartition(".")
                writer.add_tensor(f"{gguf_name(module)}.{kind}", np.ascontiguousarray(values))
        _write(writer)
    return out


def _add_tokenizer(writer: Any, folder: Path, size: int) -> None:
    described = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = described["model"]["vocab"]
    special = {entry["content"]: entry["id"] for entry in described["added_tokens"]}
    words = {place: text for text, place in (vocabulary | special).items()}
    listed = [words.get(place, f"[unused{place}]") for place in range(size)]
    kinds = [CONTROL if word in special or place not in words else NORMAL for place, word in enumerate(listed)]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in described["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(ARCHITECTURE)
    writer.add_token_list(listed)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(special[settings["eos_token"]])
    writer.add_add_bos_token(False)
    template = folder / "chat_template.jinja"
    if template.is_file():
        writer.add_chat_template(template.read_text(encoding="utf-8"))


def _write(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

"""`python -m llm nano`: the whole recipe of the nano model, from cleaned dialogues to the folders in llm/weights/.

Each step is skipped where its result is there, so that a stopped run goes on where it was.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from llm.nano.pretrain import PretrainOptions, pretrain, tokenize_corpus, train_tokenizer
from llm.tuning.adapters import write_folder
from llm.tuning.finetune import finetune
from llm.tuning.install import install_adapter
from llm.tuning.recipes import RECIPES, FinetuneOptions
from llm.tuning.stack import load_base, load_tokenizer

#: English is rare in the base's data: repeated so that the vocabulary and the base meet it at all.
ENGLISH_REPEATS = 4
#: name -> (data sources, changes to the recipe). The second one exists so that two adapters can be served and told
#: apart.
ADAPTERS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "nano-counsel": (("cpsycound", "counselchat"), {}),
    "nano-english": (("counselchat",), {"rank": 8, "alpha": 16, "seed": 7, "max_steps": 60}),
}
LICENCE = "weights Apache-2.0; data SMILECHAT CC0, CPsyCounD CC BY 4.0, counsel-chat MIT"


def base_recipe(clean: Path, out: Path, minutes: float) -> Path:
    """Tokenizer, token files and base; returns the base's folder (float32). CPsyCounD is kept out: the adapter's gain
    on it would otherwise be memory."""
    out.mkdir(parents=True, exist_ok=True)
    chinese, english = clean / "smilechat.train.jsonl", clean / "counselchat.train.jsonl"
    if not (out / "tokenizer").is_dir():
        train_tokenizer([chinese, *[english] * ENGLISH_REPEATS], out / "tokenizer")
    tokenizer = load_tokenizer(out / "tokenizer")
    if not (out / "train.bin").is_file():
        tokenize_corpus([chinese, english], [1, ENGLISH_REPEATS], tokenizer, out / "train.bin")
    held_out = {}
    for source in ("smilechat", "cpsycound", "counselchat"):
        held_out[source] = out / f"valid.{source}.bin"
        if not held_out[source].is_file():
            tokenize_corpus([clean / f"{source}.valid.jsonl"], [1], tokenizer, held_out[source])
    if not (out / "base" / "model").is_dir():
        pretrain(out / "train.bin", held_out, tokenizer, out / "base", PretrainOptions(minutes=minutes))
    return out / "base" / "model"


def install_base(trained: Path, folder: Path) -> None:
    """Write the base as bfloat16, which it is from then on everywhere."""
    import torch

    tokenizer, model = load_tokenizer(trained), load_base(trained).to(torch.bfloat16)

    def fill(side: Path) -> None:
        model.save_pretrained(side)
        tokenizer.save_pretrained(side)
        # A class name that every release of transformers knows.
        config = side / "tokenizer_config.json"
        known = json.loads(config.read_text(encoding="utf-8")) | {"tokenizer_class": "PreTrainedTokenizerFast"}
        config.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    write_folder(folder, fill, {"licence": LICENCE})


def tune_adapter(name: str, clean: Path, base: Path, out: Path, **changes: Any) -> Path:
    """Tune one of ADAPTERS on `base`; returns its run folder."""
    sources, own = ADAPTERS[name]
    options = FinetuneOptions(
        **{
            **RECIPES["nano"],
            **own,
            "base": str(base),
            "out": out / name,
            "licence": LICENCE,
            "data": tuple(str(clean / f"{s}.train.jsonl") for s in sources),
            "valid": tuple(str(clean / f"{s}.valid.jsonl") for s in sources),
        }
    )
    finetune(replace(options, **changes))
    return out / name


def nano_recipe(clean: Path, out: Path, weights: Path, minutes: float) -> None:
    """All of it: base, both adapters, installed in `weights`."""
    base = weights / "nano-base"
    if not base.is_dir():
        install_base(base_recipe(clean, out, minutes), base)
    for name in ADAPTERS:
        if not (weights / name).is_dir():
            install_adapter(tune_adapter(name, clean, base, out), weights / name, base, LICENCE)

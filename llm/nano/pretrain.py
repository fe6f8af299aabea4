"""The nano base: a byte-level BPE tokenizer and a Qwen2-shaped model, trained from scratch on cleaned dialogues.

It exists so that tuning, serving and the exam run on a real, trained model on any machine. It is a test article.

The learning rate follows the share of the time budget that is used, not a step count: on a shared machine the speed is
not known before, and a cosine that ends early or late is worse than a shorter one.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llm.chatml import CHATML
from llm.files import whole

if TYPE_CHECKING:
    import torch

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
#: Where words may be cut before byte pairs are merged: Qwen2's pattern.
PRE_TOKENS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True)
class NanoShape:
    """The model's size. head_dim = hidden / heads must be one that vLLM's CPU attention supports (32, 64, 96, 128,
    ...).
    """

    vocabulary: int = 8192
    hidden: int = 320
    intermediate: int = 896
    layers: int = 6
    heads: int = 5
    kv_heads: int = 1
    positions: int = 4096


@dataclass(frozen=True, slots=True)
class PretrainOptions:
    """`minutes` is the whole budget of wall-clock training time over all resumed runs; the schedule ends with it."""

    minutes: float
    block: int = 512
    batch: int = 8
    micro_batch: int = 8
    matrix_lr: float = 2e-3
    vector_lr: float = 3e-3
    warmup: float = 0.02
    final: float = 0.02
    weight_decay: float = 0.1
    seed: int = 0
    threads: int = 1
    save_every_s: float = 420.0


def dialogue_lines(files: Sequence[Path]) -> Iterator[list[dict[str, str]]]:
    """The messages of each line of cleaned .jsonl files (`python -m data_gen clean`)."""
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)["messages"]


def chatml(messages: Sequence[dict[str, str]]) -> str:
    """The chat template as plain string work; a test holds it equal to the tokenizer's own."""
    return "".join(f"{TURN_START}{m['role']}\n{m['content']}{TURN_END}\n" for m in messages)


def train_tokenizer(
    files: Sequence[Path], out: Path, vocabulary: int = 8192, dialogues: int = 12_000, seed: int = 0
) -> None:
    """Learn byte pairs on a random sample of dialogues and write a tokenizer folder that transformers and vLLM load."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    texts = ["\n".join(m["content"] for m in messages) for messages in dialogue_lines(files)]
    random.Random(seed).shuffle(texts)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRE_TOKENS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[END_OF_TEXT, TURN_START, TURN_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts[:dialogues], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=TURN_END,
        pad_token=END_OF_TEXT,
        model_max_length=NanoShape().positions,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHATML
    fast.save_pretrained(out)


def tokenize_corpus(files: Sequence[Path], repeats: Sequence[int], tokenizer: Any, out: Path, seed: int = 0) -> int:
    """Write all dialogues, shuffled, as uint16 token ids with an end-of-text between them. Returns the count."""
    texts = [
        chatml(m) for file, times in zip(files, repeats, strict=True) for m in list(dialogue_lines([file])) * times
    ]
    random.Random(seed).shuffle(texts)
    total, end = 0, tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    with whole(out) as part, part.open("wb") as sink:
        for start in range(0, len(texts), 1000):
            for ids in tokenizer(texts[start : start + 1000], add_special_tokens=False)["input_ids"]:
                np.asarray([*ids, end], dtype=np.uint16).tofile(sink)
                total += len(ids) + 1
    return total


def build_model(shape: NanoShape, tokenizer: Any, seed: int) -> Any:
    """A Qwen2 of random weights: embeddings tied (they would be half of all weights), fp32."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.positions,
        tie_word_embeddings=True,
        rope_theta=10_000.0,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen2ForCausalLM(config)


def rate(done: float, warmup: float, final: float) -> float:
    """Linear warm-up, then a cosine down to `final`; `done` in [0, 1] is the share of the budget that is used."""
    if done < warmup:
        return max(done / warmup, 0.01)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warmup) / (1 - warmup))))


def optimizers(model: Any, options: PretrainOptions) -> list[Any]:
    """Muon for the matrices of the layers, AdamW for embeddings, biases and norms (Jordan et al. 2024)."""
    import torch

    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    chosen = set(map(id, matrices))
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(
            matrices, lr=options.matrix_lr, weight_decay=options.weight_decay, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=options.vector_lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def batches(tokens: np.ndarray, options: PretrainOptions, step: int) -> Iterator[torch.Tensor]:
    """The micro-batches (micro_batch, block) of one step: epochs of all blocks, each in its own seeded order."""
    import torch

    blocks = len(tokens) // options.block
    for place in range(step * options.batch, (step + 1) * options.batch, options.micro_batch):
        picked = []
        for index in range(place, place + options.micro_batch):
            epoch, inside = divmod(index, blocks)
            order = np.random.default_rng([options.seed, epoch]).permutation(blocks)
            start = int(order[inside]) * options.block
            picked.append(tokens[start : start + options.block].astype(np.int64))
        yield torch.from_numpy(np.stack(picked))


def held_out_loss(model: Any, tokens: np.ndarray, block: int, blocks: int = 8) -> float:
    """Mean cross-entropy in nats per token over the first blocks of a held-out token file."""
    import torch

    model.eval()
    losses = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for index in range(min(blocks, len(tokens) // block)):
            ids = torch.from_numpy(tokens[index * block : (index + 1) * block].astype(np.int64))[None]
            losses.append(float(model(input_ids=ids, labels=ids).loss))
    model.train()
    return sum(losses) / len(losses)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """By rename: a kill while saving leaves the checkpoint before."""
    import torch

    with whole(path) as part:
        torch.save(state, part)


def pretrain(
    data: Path,
    held_out: dict[str, Path],
    tokenizer: Any,
    out: Path,
    options: PretrainOptions,
    shape: NanoShape | None = None,
) -> None:
    """Train until the time is used up; resumes from `out/state.pt`. Writes `out/log.jsonl`, at last `out/model`."""
    import torch
    from tqdm import tqdm

    torch.set_num_threads(options.threads)
    out.mkdir(parents=True, exist_ok=True)
    tokens = np.memmap(data, dtype=np.uint16, mode="r")
    model = build_model(shape or NanoShape(vocabulary=len(tokenizer)), tokenizer, options.seed)
    steppers = optimizers(model, options)
    step, used_s, state_file = 0, 0.0, out / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        for stepper, saved in zip(steppers, state["optimizers"], strict=True):
            stepper.load_state_dict(saved)
        step, used_s = state["step"], state["used_s"]
    base_rates = [options.matrix_lr, options.vector_lr]
    (out / "options.json").write_text(json.dumps(asdict(options), indent=2) + "\n", encoding="utf-8")
    budget_s, saved_s, last = options.minutes * 60, used_s, time.monotonic()
    bar = tqdm(total=round(budget_s), initial=round(used_s), unit="s", mininterval=30)
    model.train()
    while used_s < budget_s:
        factor = rate(used_s / budget_s, options.warmup, options.final)
        for stepper, base in zip(steppers, base_rates, strict=True):
            stepper.param_groups[0]["lr"] = base * factor
        loss = 0.0
        parts = options.batch // options.micro_batch
        for ids in batches(tokens, options, step):
            with torch.autocast("cpu", torch.bfloat16):
                part = model(input_ids=ids, labels=ids).loss / parts
            part.backward()
            loss += float(part.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        step += 1
        now = time.monotonic()
        used_s, last = used_s + now - last, now
        bar.update(round(used_s) - bar.n)
        bar.set_postfix(step=step, loss=f"{loss:.3f}", tokens=f"{step * options.batch * options.block / 1e6:.2f}M")
        if used_s - saved_s > options.save_every_s or used_s >= budget_s:
            row = {"step": step, "tokens": step * options.batch * options.block, "used_s": used_s, "loss": loss}
            row |= {
                name: held_out_loss(model, np.fromfile(file, np.uint16), options.block)
                for name, file in held_out.items()
            }
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            saved = {
                "model": model.state_dict(),
                "optimizers": [s.state_dict() for s in steppers],
                "step": step,
                "used_s": used_s,
            }
            save_state(state_file, saved)
            saved_s = used_s
    model.to(torch.bfloat16).save_pretrained(out / "model")
    tokenizer.save_pretrained(out / "model")

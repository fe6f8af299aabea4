"""What a model must answer: computed once by transformers and peft, on the same weights, and kept as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llm.files import whole
from llm.tuning.stack import load_base, load_tokenizer

QUESTIONS = (
    "Hello, how can I help?",
    "最近总是睡不好，白天也没有精神。",
    "I have an exam next week and I keep worrying.",
    "和朋友吵架了，不知道该怎么开口。",
    "What could I try tonight?",
)
SYSTEM = "Listen first. Answer in two or three sentences. 请先倾听，再用两三句话回答。"


@dataclass(frozen=True, slots=True)
class Answer:
    """One greedy answer: the prompt's ids, the answer's ids, their log-probabilities and, in the reference, how far the
    best token lay before the second best, in nats."""

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    margins: tuple[float, ...] = ()
    finish: str = ""


def conversations(tokenizer: Any, limit: int) -> list[list[dict[str, str]]]:
    """The questions: single ones, one with a system message and a past, and one that fills most of the context."""
    asked = [[{"role": "user", "content": text}] for text in QUESTIONS]
    past = [
        {"role": "system", "content": SYSTEM},
        *asked[1],
        {"role": "assistant", "content": "听起来你很累。"},
        *asked[4],
    ]
    sentence = QUESTIONS[1] + QUESTIONS[2]
    room = max(1, (limit * 3 // 4) // max(1, len(tokenizer(sentence)["input_ids"])))
    return [*asked, past, [{"role": "user", "content": sentence * min(room, 200)}]]


def reference(
    model: Any, tokenizer: Any, messages: list[dict[str, str]], tokens: int, stop_ids: Sequence[int]
) -> Answer:
    """A greedy answer by transformers, token by token, ended by a stop id (which is counted as the server counts
    it).
    """
    import torch

    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
    step, cache = torch.tensor([prompt], device=model.device), None
    ids: list[int] = []
    logprobs: list[float] = []
    margins: list[float] = []
    with torch.inference_mode():
        while len(ids) < tokens and not (ids and ids[-1] in stop_ids):
            out = model(input_ids=step, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache = out.past_key_values
            best = out.logits[0, -1].float().log_softmax(-1).topk(2)
            ids.append(int(best.indices[0]))
            logprobs.append(float(best.values[0]))
            margins.append(float(best.values[0] - best.values[1]))
            step = best.indices[:1][None]
    finish = "stop" if ids[-1] in stop_ids else "length"
    return Answer(tuple(prompt), tuple(ids), tuple(logprobs), tuple(margins), finish)


@dataclass(frozen=True, slots=True)
class Reference:
    """What is expected: `answers[model]` has one answer per conversation of `asked`; `stops` end an answer."""

    asked: tuple[list[dict[str, str]], ...]
    answers: Mapping[str, tuple[Answer, ...]]
    stops: tuple[int, ...]


def references(
    base: str, adapters: Mapping[str, Path], served_name: str, tokens: int, dtype: str, limit: int, device: str
) -> Reference:
    """Answer every conversation with the base and with each adapter, by transformers and peft."""
    tokenizer = load_tokenizer(base)
    from peft import PeftModel  # after load_tokenizer, see llm/stack.py

    asked = tuple(conversations(tokenizer, limit - tokens))
    found: dict[str, tuple[Answer, ...]] = {}
    stops: list[int] = []
    for name, folder in {served_name: None, **adapters}.items():
        # A fresh base each time: an adapter that was unloaded may leave traces, the very thing that is tested.
        model = load_base(base, dtype).to(device)
        stops = stop_ids_of(model, tokenizer)
        if folder is not None:
            model = PeftModel.from_pretrained(model, str(folder), autocast_adapter_dtype=dtype == "float32").eval()
        found[name] = tuple(reference(model, tokenizer, messages, tokens, stops) for messages in asked)
        del model
    return Reference(asked, found, tuple(stops))


def stop_ids_of(model: Any, tokenizer: Any) -> list[int]:
    """What ends an answer: the tokenizer's end token and those of the generation configuration."""
    configured = model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured]
    return sorted({i for i in (*listed, tokenizer.eos_token_id) if i is not None})


#: How many conversations and tokens the kept reference has: it is compared at every start, on a slow processor too.
KEPT_CONVERSATIONS, KEPT_TOKENS = 3, 8


def keep(reference: Reference, served_name: str, path: Path) -> None:
    """Write the first conversations of `reference` for `kept`."""
    answers = {
        "" if name == served_name else name.partition("@")[0]: [asdict(answer) for answer in each[:KEPT_CONVERSATIONS]]
        for name, each in reference.answers.items()
    }
    asked = list(reference.asked[:KEPT_CONVERSATIONS])
    described = {"asked": asked, "answers": answers, "stops": list(reference.stops)}
    with whole(path) as part:
        part.write_text(json.dumps(described, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def kept(path: Path, names: Mapping[str, str]) -> Reference:
    """The reference that `keep` wrote. `names` maps the served names to those in the file ("" is the base). Raises
    ValueError for a damaged file or a name that it does not have."""
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        answers = {served: tuple(_answer(row) for row in described["answers"][name]) for served, name in names.items()}
        return Reference(tuple(described["asked"]), answers, tuple(described["stops"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no kept reference of {', '.join(names)}: {error!r}") from error


def _answer(row: Mapping[str, Any]) -> Answer:
    lists = {key: tuple(row[key]) for key in ("prompt_ids", "ids", "logprobs", "margins")}
    return Answer(**lists, finish=row["finish"])

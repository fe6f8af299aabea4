"""The exam as a task of lm-evaluation-harness, and what the harness answered back as a run of ours.

    export_task(items, options, folder)     docs.jsonl, counselling_exam.yaml, export.json
    lm_eval run --tasks counselling_exam --include_path FOLDER --log_samples --output_path OUT --apply_chat_template ...
    import_samples(folder, samples, out)    items.jsonl and result.json, as `eval exam` writes them

The harness asks the same text. Its own `exact_match` reads only a reply that is nothing but the letters; the score of
the import is that of `eval exam` on the same replies, read by the same grammar.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.exam.audit import record
from eval.exam.layouts import read_exam
from eval.exam.prompts import Asking, messages
from eval.exam.run import ExamOptions, asked_of, read_reply, summary, write_run
from eval.exam.types import Item, Scored
from llm.files import whole
from llm.jobs.progress import Counts

TASK = "counselling_exam"
SERVER = "lm-evaluation-harness"
#: What a harness that knows `generate_until` reads. JSON strings are YAML strings.
_YAML = """\
task: {task}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {docs}
test_split: test
output_type: generate_until
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{key}}}}"
generation_kwargs:
  until: []
  do_sample: {sampled}
  temperature: {temperature}
  max_gen_toks: {tokens}
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
  prompt: {prompt}
"""


def export_task(items: Sequence[Item], options: ExamOptions, folder: Path) -> int:
    """Write the task's three files; the number of items in it.

    Raises ValueError for solved examples (the harness has its own way to show them) and for modes but `generate`.
    """
    if options.asking.shots or options.mode != "generate":
        raise ValueError(
            f"a task is exported for mode `generate` without solved examples, got mode `{options.mode}` with "
            f"{len(options.asking.shots)}; leave out --shots and --mode"
        )
    asked = asked_of(items, options)
    folder.mkdir(parents=True, exist_ok=True)
    docs = [{**record(item), "prompt": messages(item, options.asking)[-1].content} for item in asked]
    _write(folder / "docs.jsonl", "".join(json.dumps(doc, ensure_ascii=False) + "\n" for doc in docs))
    kept = {"options": {**asdict(options), "asking": asdict(options.asking)}}
    _write(folder / "items.jsonl", "".join(json.dumps(record(item), ensure_ascii=False) + "\n" for item in items))
    _write(folder / "export.json", json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
    yaml = _YAML.format(
        task=TASK, docs=json.dumps(str((folder / "docs.jsonl").resolve()), ensure_ascii=False),
        sampled=str(options.temperature > 0).lower(), temperature=options.temperature, tokens=options.tokens,
        prompt=json.dumps(options.asking.name),
    )  # fmt: skip
    _write(folder / f"{TASK}.yaml", yaml)
    return len(asked)


def import_samples(folder: Path, samples: Path, out: Path, model: str = "") -> list[Scored]:
    """Score the replies in the harness's `samples_*.jsonl` and write the run into `out`.

    An item without a reply has the outcome "missing". Raises ValueError for what is no export, no such file, and for
    replies to other items than those exported.
    """
    options, items = _exported(folder, model or samples.parent.name)
    asked = asked_of(items, options)
    replies = _replies(samples, {item.item_id: messages(item, options.asking)[-1].content for item in asked})
    rows = [_scored(item, replies.get(item.item_id)) for item in asked]
    out.mkdir(parents=True, exist_ok=True)
    write_run(out, rows, summary(items, asked, rows, options, SERVER, Counts()))
    return rows


def _scored(item: Item, reply: str | None) -> Scored:
    if reply is None:
        return read_reply(item, "missing", "")
    return read_reply(item, "ok" if reply.strip() else "empty", reply)


def _exported(folder: Path, model: str) -> tuple[ExamOptions, list[Item]]:
    try:
        kept = json.loads((folder / "export.json").read_text(encoding="utf-8"))["options"]
        asking = Asking(kept["asking"]["style"], kept["asking"]["reasoning"])
        return ExamOptions(**{**kept, "asking": asking, "model": model}), read_exam(folder / "items.jsonl")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder} holds no exported task ({error}). Next step: `python -m eval harness-export --out {folder}`"
        ) from error


def _replies(samples: Path, prompts: Mapping[str, str]) -> dict[str, str]:
    """Item -> reply. Later lines of one item win: the harness appends to the file of an earlier run."""
    found: dict[str, str] = {}
    for number, line in enumerate(samples.read_text(encoding="utf-8").splitlines(), 1):
        try:
            sample: Mapping[str, Any] = json.loads(line)
            name, prompt, reply = sample["doc"]["id"], sample["doc"]["prompt"], _text(sample["resps"])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{samples}:{number} is no line that --log_samples writes ({error!r})") from error
        if prompts.get(name) != prompt:
            raise ValueError(f"{samples}:{number} answers {name!r}, which this export does not ask in these words")
        found[name] = reply
    return found


def _text(responses: Any) -> str:
    """The first reply of `resps`, [["text"]] in the file; null is an empty one."""
    while isinstance(responses, list):
        responses = responses[0]
    return str(responses or "")


def _write(path: Path, text: str) -> None:
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")

"""Cleaning: each rule on a dialogue written for it, the splits, and the counts on the real corpora."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_gen.clean import SOURCES, clean, opening_key, reason_to_drop, split_of
from data_gen.types import Dialogue, Utterance
from llm.rows import MalformedData, read_rows


def dialogue(*turns: tuple[str, str]) -> Dialogue:
    return Dialogue("d", "smilechat", "zh", tuple(Utterance(role, text) for role, text in turns))  # type: ignore[arg-type]


def exchange(asked: str, said: str = "我在听，可以多说一点吗？") -> Dialogue:
    return dialogue(("user", asked), ("assistant", said))


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("one_sided", dialogue(("user", "有人吗"), ("user", "在吗"))),
        ("not_alternating", dialogue(("user", "你好"), ("user", "在吗"), ("assistant", "在的"))),
        ("not_alternating", dialogue(("assistant", "你好"), ("user", "你好"))),
        ("malformed", dialogue(("user", "你好"), ("assistant", ""))),
        ("personal_data", exchange("我的电话是138 0013 8000")),
        ("personal_data", exchange("Write to me: someone@example.org")),
        ("personal_data", exchange("请加微信号：abcdef12")),
        ("personal_data", exchange("help", "Call 800-555-0142.")),
        ("personal_data", exchange("help", "See www.example.org/page")),
    ],
)
def test_each_rule_finds_its_case(reason: str, found: Dialogue) -> None:
    assert reason_to_drop(found) == reason


@pytest.mark.parametrize(
    "text",
    [
        "今年是2026年，我28岁，工作了3年",
        "I was born in 1998 and slept 4 hours",
        "有时会有不想活下去的念头",
        "I have thoughts of suicide",
        "分数从150降到了90",
        "我很担心我的朋友，她说过想要自杀",
    ],
)
def test_years_feelings_and_crisis_words_without_a_means_stay(text: str) -> None:
    assert reason_to_drop(exchange(text)) is None


def test_a_means_is_found_in_both_languages_and_in_full_width_letters() -> None:
    means = ["上吊", "ｏｖｅｒｄｏｓｅ"]  # the mildest entries of the list; the list itself is the specification
    assert [reason_to_drop(exchange(word)) for word in means] == ["crisis_method"] * 2


def _write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def _row(key: str, *texts: str) -> dict[str, object]:
    return {"id": key, "messages": [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(texts)]}


def test_counts_add_up_and_nothing_dropped_is_written(tmp_path: Path) -> None:
    rows = [
        _row("a", "睡不着", "多久了？", "一周"),
        _row("b", "睡不着！", "多久了？"),
        _row("c", "工作压力大", "说说看？"),
        {"id": "d", "messages": "no list"},
        _row("e", "我的邮箱 x@example.org", "好的"),
    ]
    report = clean({"smilechat": _write(tmp_path / "in.jsonl", rows)}, tmp_path / "out")
    source = report.sources[0]
    assert (source.read, source.kept, source.trimmed_tail) == (5, 2, 1)
    assert {k: v for k, v in source.dropped.items() if v} == {"repeated_opening": 1, "malformed": 1, "personal_data": 1}
    kept = [
        json.loads(line)
        for part in ("train", "valid", "test")
        for line in (tmp_path / "out" / f"smilechat.{part}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert sorted(row["id"] for row in kept) == ["a", "c"]
    assert all(row["messages"][-1]["role"] == "assistant" for row in kept)
    lost = (tmp_path / "out" / "dropped.jsonl").read_text(encoding="utf-8")
    assert "example.org" not in lost and "睡不着" not in lost


def test_the_same_input_gives_the_same_files(tmp_path: Path) -> None:
    source = _write(tmp_path / "in.jsonl", [_row(str(i), f"第{i}件事", "嗯？") for i in range(50)])
    first, second = (clean({"smilechat": source}, tmp_path / name) for name in ("one", "two"))
    assert first.written == second.written


def test_questions_with_several_answers_stay_in_one_part() -> None:
    answers = [
        SOURCES["counselchat"].read({"title": "Worry", "question": "I worry a lot.", "answer": text})
        for text in ("A", "B")
    ]
    keys = [opening_key(Dialogue(str(i), "counselchat", "en", tuple(a))) for i, a in enumerate(answers)]
    assert keys[0] == keys[1]


def test_html_fragments_become_text() -> None:
    _, answer = SOURCES["counselchat"].read(
        {"title": "", "question": "q", "answer": "<p>One &amp; two</p><br>three.Then"}
    )
    assert answer.content == "One & two\nthree. Then"


def test_splits_hold_out_about_a_twentieth_each() -> None:
    parts = [split_of(f"opening {i}") for i in range(4000)]
    assert abs(parts.count("test") / 4000 - 0.05) < 0.015 and abs(parts.count("valid") / 4000 - 0.05) < 0.015


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "in.jsonl"
    broken.write_text('{"id": 1}\n{oops\n', encoding="utf-8")
    with pytest.raises(MalformedData, match=r"in\.jsonl:2: not JSON"):
        clean({"smilechat": broken}, tmp_path / "out")


def test_an_unknown_source_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="smilechat"):
        clean({"nothing": tmp_path}, tmp_path / "out")


def test_the_known_noise_of_a_real_corpus_is_found(data: Path, tmp_path: Path) -> None:
    report = clean({"cpsycound": data / "dialogue" / "cpsycound.jsonl.xz"}, tmp_path)
    source = report.sources[0]
    assert source.read == 3084 and source.kept + sum(source.dropped.values()) == 3084
    assert source.dropped["not_alternating"] > 300 and source.kept > 2500
    parts = {
        part: {
            opening_key(Dialogue(r["id"], r["source"], r["lang"], tuple(Utterance(**m) for m in r["messages"])))
            for _, r in read_rows(tmp_path / f"cpsycound.{part}.jsonl")
        }
        for part in ("train", "valid", "test")
    }
    assert not parts["train"] & (parts["valid"] | parts["test"]) and not parts["valid"] & parts["test"]

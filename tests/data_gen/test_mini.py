"""What PsycoLLM-mini learns from: rules with their examples, cuts, the page's own prompt, and our own dialogues."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from assistant.language import language_of
from assistant.prompt import prompt_file
from assistant.safety import assess
from assistant.safety.reply import check_sentence
from assistant.types import Risk
from data_gen.__main__ import main
from data_gen.mini import (
    RULES,
    SOURCES,
    Kept,
    as_row,
    invented_state,
    prepare,
    read_own,
    stated,
    usable_part,
    why_not,
)
from data_gen.types import Utterance

REASONS = tomllib.loads(RULES.read_text(encoding="utf-8"))
GOOD = ("最近总是睡不好。", "睡不好有一阵子了，听着很累人。躺下的时候在想什么？")


@pytest.mark.parametrize("reason", REASONS)
def test_each_rule_rejects_and_accepts_its_examples(reason: str) -> None:
    for kind in ("reject", "accept"):
        for text in REASONS[reason][kind]:
            locale = language_of(text, "en")
            assert why_not(text, locale) == (reason if kind == "reject" else ""), text


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("That sounds hard, and long. Who knows about it?", "other_language"),
        ("好。", "length"),
        ("你可以试试下面这些：\n1. 早睡\n2. 运动\n3. 少喝咖啡", "list"),
        ("这样有多久了呢？你跟谁说过这件事？", "two_questions"),
        (GOOD[1], ""),
    ],
)
def test_shape_of_a_reply(reply: str, reason: str) -> None:
    assert why_not(reply, "zh") == reason


def said(*texts: str) -> list[Utterance]:
    return [Utterance("assistant" if n % 2 else "user", text) for n, text in enumerate(texts)]


def test_a_dialogue_ends_before_the_first_reply_that_may_not_be_learned() -> None:
    reasons: Counter[str] = Counter()
    part = usable_part("a", said(*GOOD, "在想工作。", "相信自己，一切都会好起来的，加油！"), "zh", reasons)
    assert part is not None and [m.content for m in part.messages] == list(GOOD)
    assert reasons == {"promise": 1}


def test_danger_in_the_words_ends_a_dialogue_before_them() -> None:
    reasons: Counter[str] = Counter()
    assert usable_part("a", said("活着没意思，我想死。", GOOD[1]), "zh", reasons) is None
    assert reasons == {"danger_in_the_words": 1}


def test_a_row_is_what_the_page_would_send() -> None:
    kept = Kept("a", "zh", tuple(said(*GOOD, "在想工作。", "白天的事，晚上还没放下。")))
    messages = as_row(kept, stated(""))["messages"]
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user", "assistant"]
    assert messages[0]["content"] == prompt_file("support.v1", "zh")
    observed = as_row(kept, stated("smile+3.2"))["messages"]
    assert '<observation trust="low">' in observed[0]["content"] and "微笑" in observed[0]["content"]
    assert observed[1:] == messages[1:]


def test_an_invented_observation_is_one_that_the_page_would_make() -> None:
    for number in range(40):
        row = as_row(Kept("a", "en", tuple(said("I am tired.", "Tired since when?"))), invented_state(str(number)))
        assert "Camera (optional" in row["messages"][0]["content"], number


def test_a_face_that_is_not_written_as_behaviours_is_refused() -> None:
    with pytest.raises(ValueError, match=r"smile\+2\.5"):
        stated("sad")


def test_our_own_dialogues_keep_the_rules_of_the_page() -> None:
    own = read_own()
    assert len(own) >= 300
    assert {k.locale for k in own} == {"zh", "en"} and sum(bool(k.face) for k in own) >= 40
    for kept in own:
        history: list[str] = []
        for person, reply in zip(kept.messages[::2], kept.messages[1::2], strict=True):
            risk = assess(person.content, history)
            assert not risk.is_crisis, (kept.key, person.content)  # the fixed path would answer
            history.append(person.content)
            assert not check_sentence(reply.content, Risk(), kept.locale).reason, (kept.key, reply.content)
            assert sum(reply.content.count(mark) for mark in "?？") <= 1, (kept.key, reply.content)
            if kept.face:
                seen = ("摄像头", "麦克风", "看你的", "your face", "I can see", "microphone", "you look")
                assert not any(word in reply.content for word in seen), (kept.key, reply.content)


def test_our_own_dialogues_never_repeat_themselves() -> None:
    replies = Counter(m.content for k in read_own() for m in k.messages[1::2])
    assert [text for text, count in replies.items() if count > 1] == []


def write_clean(folder: Path) -> Path:
    folder.mkdir()
    for source, locale in SOURCES.items():
        for split in ("train", "valid", "test"):
            texts = GOOD if locale == "zh" else ("My dog died.", "He was with you a long time. What was his name?")
            messages = [{"role": m.role, "content": m.content} for m in said(*texts)]
            row = {"id": f"{source}-{split}", "messages": messages}
            (folder / f"{source}.{split}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


def test_held_out_cases_are_never_among_the_rows(tmp_path: Path) -> None:
    clean = write_clean(tmp_path / "clean")
    report = prepare(clean, tmp_path / "rows", dict.fromkeys(SOURCES, 10))
    learned = "".join((tmp_path / "rows" / f"{name}.jsonl").read_text(encoding="utf-8") for name in ("train", "valid"))
    for source in SOURCES:
        assert report["sources"][source]["held_out_ids"] == [f"{source}/{source}-test"]
        assert f"{source}-train" in learned and f"{source}-test" not in learned


def test_command_writes_rows_and_says_why_dialogues_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean = write_clean(tmp_path / "clean")
    assert main(["mini", "--clean", str(clean), "--out", str(tmp_path / "rows")]) == 0
    assert "whole" in capsys.readouterr().out
    assert (tmp_path / "rows" / "report.json").exists()
    assert main(["mini", "--clean", str(tmp_path / "nothing"), "--out", str(tmp_path / "rows")]) == 2

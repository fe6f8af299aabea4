"""The exam end to end, against servers whose answers are planted: the scores are exactly what was planted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.__main__ import main
from eval.exam.audit import audit, edition, record, repaired
from eval.exam.compare import compare
from eval.exam.essays import Point, graded, overlap, rubric
from eval.exam.layouts import ExamProblem, read_exam
from eval.exam.prompts import Asking, judging, messages, pick_shots
from eval.exam.run import ExamOptions, rotated, take
from eval.exam.scoring import RULES, credit, elastic, mean_of_cells, right_minus_wrong
from eval.exam.types import Extraction, Item, Scored
from eval.statistics import mcnemar, mean_interval, paired
from llm.jobs.types import JobOptions
from tests.fakes import Planted


def item(number: int, kind: str = "single", section: str = "moral", key: str = "B") -> Item:
    options = {letter: f"选项{letter}之{number}" for letter in "ABCD"}
    return Item(
        f"{section}/{kind}#{number}", section, "third", kind, f"第{number}个情境里应当怎么做", options, frozenset(key)
    )  # type: ignore[arg-type]


ITEMS = [
    item(100 * n + k, kind, section, "ABC"[: k % 2 + 2] if kind == "multiple" else "ABCD"[k % 4])
    for n, (section, kind) in enumerate([(s, k) for s in ("moral", "theory", "case") for k in ("single", "multiple")])
    for k in range(20)
]


def run(server: Planted, out: Path, items: list[Item] = ITEMS, **options: Any) -> tuple[list[Scored], dict[str, Any]]:
    jobs = JobOptions(
        server.url,
        concurrency=8,
        retries={"overloaded": 1, "server": 1, "connection": 1, "time_out": 1, "malformed": 1},
    )
    rows, _ = take(items, ExamOptions("m", **options), jobs, out, shown=False)
    return rows, json.loads((out / "result.json").read_text(encoding="utf-8"))


def test_planted_errors_come_back_as_exactly_their_scores(server: Planted, tmp_path: Path) -> None:
    """Of every 20: 10 right, 4 with a part of the key (or a wrong letter), 3 wrong, 2 unreadable, 1 "none"."""
    for place, asked in enumerate(ITEMS):
        right, turn = asked.answer, place % 20
        part = right[:1] if asked.kind == "multiple" else "D" if right != "D" else "A"
        said = right if turn < 10 else part if turn < 14 else "D" if right != "D" else "A"
        server.table[asked.question] = (
            f"答案：{said}" if turn < 17 else "这道题很有意思。" if turn < 19 else "以上都不对"
        )
    rows, result = run(server, tmp_path / "run")
    outcomes = result["outcomes"]
    assert outcomes == {"answered": 17 * 6, "unparsed": 2 * 6, "none": 6}
    for name, cell in result["cells"].items():
        keys = {i.item_id: len(i.key) for i in ITEMS}
        partial = [1 / keys[r.item_id] for n, r in enumerate(rows) if r.item_id.startswith(name) and 10 <= n % 20 < 14]
        elastic_sum = 10 + (sum(partial) if name.endswith("multiple") else 0)
        assert cell["credits"]["strict"]["value"] == pytest.approx(10 / 20)
        assert cell["credits"]["elastic"]["value"] == pytest.approx(elastic_sum / 20)
        assert cell["answered"] == pytest.approx(10 / 18)
    assert result["average_of_six"]["strict"] == pytest.approx(0.5)


def test_empty_null_cut_and_refused_replies_are_outcomes_of_their_own(server: Planted, tmp_path: Path) -> None:
    bad = {
        0: "",
        1: {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]},
        2: 400,
        3: 500,
        4: {"choices": [{"message": {"content": "让我想想"}, "finish_reason": "length"}]},
        5: {"choices": [{"message": {"content": "答案：B。因为"}, "finish_reason": "length"}]},
    }
    for place, asked in enumerate(ITEMS[:20]):
        server.table[asked.question] = bad.get(place, f"答案：{asked.answer}")
    rows, result = run(server, tmp_path / "run", ITEMS[:20])
    assert [row.outcome for row in rows[:6]] == ["empty", "empty", "refused", "server", "cut", "answered"]
    assert all(row.credits["strict"] == 0 and not row.letters for row in rows[:5])
    assert result["all"]["items"] == 20 and result["all"]["answered"] == 1.0 and result["faults"] == {"server": 2}


def test_missing_items_make_the_exit_code_say_so_and_a_second_run_asks_only_them(
    server: Planted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exam = tmp_path / "exam.jsonl"
    exam.write_text("\n".join(json.dumps(record(i), ensure_ascii=False) for i in ITEMS[:10]), encoding="utf-8")
    server.table = {i.question: f"答案：{i.answer}" for i in ITEMS[:10]} | {ITEMS[4].question: 400}
    command = ["exam", "--data", str(exam), "--base-url", server.url, "--model", "m", "--out", str(tmp_path / "run")]
    assert main(command) == 1
    assert "1 items got no whole answer" in capsys.readouterr().err
    server.table[ITEMS[4].question] = f"答案：{ITEMS[4].answer}"
    before = len(server.asked)
    assert main(command) == 0 and len(server.asked) == before + 1
    assert "strict 100.00" in capsys.readouterr().out


def test_log_probabilities_choose_letters_and_give_a_confidence(server: Planted, tmp_path: Path) -> None:
    def first(**letters: float) -> dict[str, Any]:
        top = [{"token": f" {letter}", "logprob": value} for letter, value in letters.items()]
        content = [{"token": top[0]["token"], "logprob": top[0]["logprob"], "top_logprobs": top}]
        return {
            "choices": [
                {"message": {"content": top[0]["token"]}, "finish_reason": "length", "logprobs": {"content": content}}
            ]
        }

    single, multiple = item(1), item(2, "multiple", key="AC")
    server.table = {single.question: first(B=-0.1, A=-2.5, X=-3.0), multiple.question: first(A=-0.8, C=-1.0, B=-4.0)}
    rows, result = run(server, tmp_path / "run", [single, multiple], mode="logprob")
    assert [row.letters for row in rows] == ["B", "AC"] and all(row.credits["strict"] == 1 for row in rows)
    assert rows[0].confidence == pytest.approx(0.9168, abs=1e-3) and result["calibration_error"] is not None
    assert server.asked[0]["max_tokens"] == 1 and server.asked[0]["logprobs"] is True and len(server.asked) == 2


def test_structured_choice_and_votes(server: Planted, tmp_path: Path) -> None:
    single, multiple = item(1), item(2, "multiple", key="AC")
    server.table = {single.question: '{"answer": "B"}', multiple.question: '{"answer": ["A", "C"]}'}
    rows, _ = run(server, tmp_path / "choice", [single, multiple], mode="choice")
    assert [row.letters for row in rows] == ["B", "AC"] and "response_format" in server.asked[0]
    server.table = {single.question: "答案：B", multiple.question: "不知道"}
    rows, _ = run(server, tmp_path / "vote", [single, multiple], mode="vote", samples=3)
    assert rows[0].letters == "B" and rows[0].confidence == 1.0 and rows[1].outcome == "unparsed"
    assert len({body["seed"] for body in server.asked[-6:]}) == 3


def test_options_move_and_the_key_with_them() -> None:
    moved = rotated(item(1, key="D"), 1)
    assert moved.answer == "A" and moved.options["A"] == "选项D之1" and list(moved.options) == list("ABCD")
    assert rotated(moved, 3) == item(1, key="D")


def test_solved_examples_are_shown_and_not_asked() -> None:
    shots, rest = pick_shots(ITEMS, 3)
    assert len(rest) == len(ITEMS) - 3 and not {s.item_id for s in shots} & {i.item_id for i in rest}
    said = messages(rest[0], Asking(shots=shots))
    assert [m.role for m in said] == ["user", "assistant"] * 3 + ["user"] and said[
        1
    ].content == f"答案：{shots[0].answer}"
    with pytest.raises(ValueError, match="only 20 items can be shown"):
        pick_shots(ITEMS[:20], 21)


def test_two_runs_are_compared_item_by_item(server: Planted, tmp_path: Path) -> None:
    for name, good in (("first", 60), ("second", 90)):
        server.table = {i.question: f"答案：{i.answer if n < good else '以上都不对'}" for n, i in enumerate(ITEMS)}
        run(server, tmp_path / name)
    found = compare(tmp_path / "first", tmp_path / "second")
    assert found.cells["all"].difference.value == pytest.approx(30 / 120) and found.cells["all"].p < 1e-6
    assert len(found.better) == 30 and not found.worse and found.cells["moral/single"].p == 1.0
    assert (
        main(["leaderboard", str(tmp_path / "first"), str(tmp_path / "second"), "--out", str(tmp_path / "board")]) == 0
    )
    page = (tmp_path / "board" / "index.html").read_text(encoding="utf-8")
    assert page.index(">second<") < page.index(">first<") and "75.00" in page and "data:image/png" in page
    run(server, tmp_path / "third", ITEMS[:20])
    with pytest.raises(ValueError, match="only runs of the same items"):
        compare(tmp_path / "first", tmp_path / "third")


def test_rules_give_their_credit() -> None:
    ab, a, ac, every = (frozenset(x) for x in ("AB", "A", "AC", "ABCD"))
    assert elastic(a, ab, 4) == 0.5 and elastic(ac, ab, 4) == 0 and elastic(ab, ab, 4) == 1
    assert right_minus_wrong(every, ab, 4) == 0 and RULES["jaccard"](ac, ab, 4) == pytest.approx(1 / 3)
    assert credit(item(1), Extraction("none")) == dict.fromkeys(RULES, 0.0)
    with pytest.raises(ValueError, match="cannot be scored"):
        credit(replace(item(1), key=frozenset()), Extraction("none"))


def test_the_published_row_is_the_mean_of_its_six_cells() -> None:
    cells = [
        ("case", "single"),
        ("case", "multiple"),
        ("moral", "single"),
        ("moral", "multiple"),
        ("theory", "single"),
        ("theory", "multiple"),
    ]
    strict = dict(zip(cells, (55.58, 35.07, 88.81, 69.62, 72.63, 48.59), strict=True))
    published = dict(zip(cells, (55.58, 42.89, 88.81, 74.20, 72.63, 54.12), strict=True))
    assert mean_of_cells(strict) == pytest.approx(61.72, abs=0.005)
    assert mean_of_cells(published) == pytest.approx(64.71, abs=0.005)
    assert mean_of_cells({cells[0]: 1.0}) is None


def test_statistics_agree_with_known_values() -> None:
    assert mcnemar(10, 2) == pytest.approx(0.03857, abs=1e-4) and mcnemar(0, 0) == 1.0 and mcnemar(5, 5) == 1.0
    found = mean_interval([1.0] * 300 + [0.0] * 100)
    assert (
        found.value == 0.75
        and found.low == pytest.approx(0.7075, abs=0.01)
        and found.high == pytest.approx(0.7925, abs=0.01)
    )
    with pytest.raises(ValueError, match="same items"):
        paired([1.0], [])


def test_the_audit_finds_what_was_planted() -> None:
    copy = replace(ITEMS[0], item_id="copy", question=f"86．{ITEMS[0].question}")
    conflict = replace(ITEMS[1], item_id="conflict", key=frozenset("D"))
    empty = replace(item(900), key=frozenset())
    short = replace(item(901), options={"A": "甲", "B": "乙"})
    items = [*ITEMS, copy, conflict, empty, short]
    found = audit(items, [("train:7", f"请问：{ITEMS[5].question}？"), ("train:8", "无关的文字")])
    assert found.copies == ((ITEMS[0].item_id, "copy"), (ITEMS[1].item_id, "conflict")) and len(found.conflicts) == 1
    assert set(found.malformed) == {empty.item_id, short.item_id} and found.leaks == {ITEMS[5].item_id: "train:7"}
    kept, changes = repaired(items, found)
    assert len(kept) == len(ITEMS) - 1 and len(changes) == 5 and edition(kept) != edition(items)


def test_layouts_of_other_exams(tmp_path: Path) -> None:
    (tmp_path / "mmlu.csv").write_text("What is empathy?,a thing,feeling with,a drug,a test,B\n", encoding="utf-8")
    cmmlu = ",Question,A,B,C,D,Answer\n0,共情是什么,甲,乙,丙,丁,C\n"
    (tmp_path / "professional_psychology.csv").write_text(cmmlu, encoding="utf-8")
    (tmp_path / "ceval_val.csv").write_text(
        "id,question,A,B,C,D,answer,explanation\n0,保密的例外,甲,乙,丙,丁,D,略\n", encoding="utf-8-sig"
    )
    row = {
        "question_type": "multi",
        "subject_name": "心理咨询",
        "kind": "knowledge",
        "question": "属于热情的有",
        "options": {"A": "甲", "B": "乙", "C": "丙", "D": ""},
        "answer": "AB",
    }
    (tmp_path / "cpsyexam.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    (tmp_path / "._mmlu.csv").write_bytes(b"\x00\x05\x16\x07")
    found = {i.section: i for i in read_exam(tmp_path)}
    assert found["mmlu"].lang == "en" and found["mmlu"].answer == "B" and found["professional_psychology"].answer == "C"
    assert (
        found["ceval"].answer == "D"
        and found["心理咨询"].answer == "AB"
        and list(found["心理咨询"].options) == list("ABC")
    )
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ExamProblem, match=r"bad\.csv.*question, A, B, C, D, answer"):
        read_exam(tmp_path)
    with pytest.raises(ExamProblem, match="no such file"):
        read_exam(tmp_path / "nowhere")


def test_the_published_exam_and_its_faults(data: Path) -> None:
    items = read_exam(data / "exam" / "pceb.zip")
    found = audit(items)
    assert len([i for i in items if i.kind != "essay"]) == 3863 and len(items) == 3963
    assert (found.surplus, len(found.copies), len(found.conflicts), len(found.malformed)) == (187, 184, 7, 6)


@pytest.mark.slow
def test_the_overlap_with_a_training_set_is_found(data: Path) -> None:
    items = read_exam(data / "exam" / "pceb.zip")
    training = read_exam(data / "exam" / "cpsyexam_train.jsonl.xz")
    leaks = audit(items, ((i.item_id, f"{i.context}\n{i.question}") for i in training)).leaks
    assert (
        sum(not name.startswith("case") for name in leaks) > 200 and sum(name.startswith("case") for name in leaks) > 20
    )


def test_rubrics_marks_and_quotations(data: Path) -> None:
    points = rubric("(1)一般心理问题（2分）；\n(2)依据：由现实因素激发（1分）；\n(3)病程不到两个月（1分）。")
    assert [point.marks for point in points] == [2, 1, 1] and points[0].text.startswith("一般心理问题")
    assert rubric("建立关系。\n收集资料。") == (Point("建立关系。", 1.0), Point("收集资料。", 1.0))
    reply = "我认为属于一般心理问题，因为由现实因素引起。"
    grades = [
        {"number": 1, "made": True, "quote": "一般心理问题"},
        {"number": 2, "made": True, "quote": "病程不到两个月"},
        {"number": 3, "made": False, "quote": ""},
    ]
    score = graded(points, reply, grades)
    assert (score.earned, score.possible) == (2, 4) and score.quotes == ("一般心理问题", "", "")
    essays = [i for i in read_exam(data / "exam" / "pceb.zip") if i.kind == "essay"]
    assert len(essays) == 100 and all(rubric(i.reference) for i in essays)


def test_overlap_scores_are_those_of_words() -> None:
    same = overlap("我们先建立咨询关系，再收集资料。", "我们先建立咨询关系，再收集资料。")
    assert same["rouge1"] == same["rougeL"] == 1 and same["bleu4"] == pytest.approx(1, abs=1e-6)
    other = overlap("今天天气很好", "我们先建立咨询关系")
    assert other["rouge1"] == 0 and other["bleu4"] < 0.2 and overlap("", "甲")["rouge1"] == 0


@pytest.mark.parametrize(("lang", "says"), [("en", "Points of the key"), ("zh", "评分要点")])
def test_a_judge_is_given_the_case_and_asked_in_the_language_of_the_essay(lang: str, says: str) -> None:
    key = {"context": "Ms A {sleeps} badly.", "reference": "Rest (2 marks)", "lang": lang}
    item = Item("e1", "cases", "second", "essay", "What is the aim?", **key)
    text = judging(item, "1. Rest", "She should rest {soon}.")
    assert says in text and "Ms A {sleeps} badly." in text and "She should rest {soon}." in text
    assert '{"points": [{"number": 1' in text
    without = judging(replace(item, context=""), "1. Rest", "Rest.")
    assert "Case:" not in without and "案例：" not in without

"""Dialogues in three steps against a server of planted answers: labels, spans and acceptance come back exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_gen.controls import BEHAVIOURS, NAMES, Controls, draw, levels, state_of
from data_gen.dialogues import CHECK_SCHEMA, DialogueOptions, Exchange, Plan, fault_of, make_dialogue
from data_gen.evidence import SCHEMA as EVIDENCE_SCHEMA
from data_gen.evidence import judged, kappa, locate, sentences, supported_share
from data_gen.making import make
from data_gen.steps import PROMPTS, Unfit, prompt_text, seed_of
from data_gen.types import Evidence
from llm.jobs.progress import Counts
from llm.jobs.runner import Ask
from llm.jobs.structured import parse
from llm.jobs.types import JobOptions

CASES = 30


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run(server: Any, truth: Any, out: Path, cases: int = CASES, **options: Any) -> Counts:
    chosen = DialogueOptions("m", **options)

    async def chain(plan: Plan, ask: Ask) -> dict[str, Any]:
        return await make_dialogue(plan, chosen, ask)

    jobs = JobOptions(server.url, concurrency=8, time_out_s=5.0, asks=6)
    return make([Plan(truth.case(n)) for n in range(cases)], chain, jobs, out, {"seed": 0}, shown=False)


@pytest.fixture(scope="module")
def made(shared_planted: Any, truth: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "run"
    run(shared_planted, truth, out)
    return out


def test_acceptance_is_exactly_as_planted(made: Path, truth: Any) -> None:
    accepted = {row["id"] for row in rows(made / "records.jsonl")}
    assert accepted == {f"case-{n}/0" for n in range(CASES) if truth.outcome(n) == "accepted"}
    assert {row["reason"] for row in rows(made / "rejected.jsonl")} == {"judged_low"}
    assert [row["id"] for row in rows(made / "set_aside.jsonl")] == [f"case-{n}/0" for n in range(8, CASES, 10)]
    said = json.loads((made / "run.json").read_text(encoding="utf-8"))
    assert said["accepted"] == 24 and said["rejected"] == {"crisis": 3, "judged_low": 3}
    assert said["rejected_attempts"] == {"crisis": 3, "forbidden": 3, "judged_low": 9, "unsupported": 3}


def test_labels_and_spans_are_exactly_as_planted(made: Path, truth: Any) -> None:
    """Every supported sentence has its span, every invented quotation is refused, pronouns are read in context."""
    found, planted = [], []
    for row in rows(made / "records.jsonl"):
        number = int(row["id"].split("-")[1].split("/")[0])
        whole = truth.case(number).whole
        event, _, advice = truth.parts(number)
        for turns, evidence in ((row["draft"], row["draft_evidence"]),
                                (row["turns"], [e for turn in row["turns"] for e in turn["evidence"]])):  # fmt: skip
            before = ""
            for one in evidence:
                supported = one["end"] > one["start"]
                found.append(supported)
                planted.append(truth.supported(one["sentence"], before, number))
                assert not supported or whole[one["start"] : one["end"]] in {event, advice}
                assert bool(one["claimed"]) == ("研究表明" in one["sentence"])
                before += one["sentence"]
            assert [s for turn in turns for s in sentences(turn["counsellor"])] == [e["sentence"] for e in evidence]
    assert found == planted and kappa(found, planted) == 1.0 and 0.3 < sum(found) / len(found) < 0.9


def test_every_record_says_where_it_is_from(made: Path, truth: Any) -> None:
    for row in rows(made / "records.jsonl"):
        said = row["provenance"]
        material = truth.case(int(row["id"].split("-")[1].split("/")[0]))
        assert said["sources"] == [{"id": material.id, "sha256": material.sha256, "group": material.group,
                                    "place": material.place, "licence": "CC0-1.0"}]  # fmt: skip
        assert said["seed"] == seed_of(0, row["id"]) and said["model"] == said["judge"] == "m"
        names = {step["step"] for step in said["steps"]}
        assert names == {"generate", "evidence", "refine", "evidence_again", "check"}
        assert {name.split("@")[0] for name in said["prompts"]} == {
            "controls", "generate.v1.zh", "evidence.v1.zh", "refine.v1.zh", "check.v1.zh"}  # fmt: skip
        assert sum(t["prompt"] for t in said["tokens"].values()) == 100 * len(said["steps"])
        assert len(said["spans"]) == sum(e["end"] > e["start"] for turn in row["turns"] for e in turn["evidence"])
        journal = (made / "journal.jsonl").read_text(encoding="utf-8")
        assert all(step["request"] in journal for step in said["steps"])


def test_the_state_is_written_in_the_words_of_the_page(made: Path) -> None:
    records = rows(made / "records.jsonl")
    seen = [turn for row in records if row["controls"]["seen"] for turn in row["turns"]]
    assert all(not turn["state"]["known"] for row in records if not row["controls"]["seen"] for turn in row["turns"])
    assert all(turn["state"]["expression"] == "Sadness" for turn in seen)
    assert any("微笑" in turn["observation"] for turn in seen)
    assert all(not turn["observation"] for turn in seen if not turn["written_state"]["signs"])


def test_a_second_run_writes_the_same_and_asks_nothing(planted: Any, truth: Any, tmp_path: Path) -> None:
    run(planted, truth, tmp_path / "run", 6)
    first = (tmp_path / "run" / "records.jsonl").read_bytes()
    counts = run(planted, truth, tmp_path / "run", 6)
    assert counts.asked == 0 and max(planted.answered.values()) == 1
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == first


@pytest.mark.parametrize("fault", ["500", "429", "reset", "empty", "cut", "broken"])
def test_faults_lose_no_chain_and_change_no_outcome(fault: str, planted: Any, truth: Any, tmp_path: Path) -> None:
    planted.faults = {fault: 0.05}
    run(planted, truth, tmp_path, 10)
    assert sum(planted.tries.values()) > sum(planted.answered.values()), "the fault was planted"
    accepted = {row["id"] for row in rows(tmp_path / "records.jsonl")}
    assert accepted == {f"case-{n}/0" for n in range(10) if truth.outcome(n) == "accepted"}
    lost = rows(tmp_path / "rejected.jsonl") + rows(tmp_path / "set_aside.jsonl")
    assert len(accepted) + len(lost) == 10 and {row["reason"] for row in lost} == {"judged_low", "crisis"}
    assert all(turn["counsellor"] for row in rows(tmp_path / "records.jsonl") for turn in row["turns"])


def test_spans_are_looked_up_and_not_believed() -> None:
    source = "她说：“ＡＢＣ公司 让我很累”，然后走了。"
    assert source[slice(*locate("abc公司让我很累", source) or (0, 0))] == "ＡＢＣ公司 让我很累"
    assert locate("她说他说", source) is None and locate("公司", source) is None and locate("", source) is None
    assert locate("I am so tired", "and I am so, tired today") == (4, 18)
    answer = {"sentences": [{"number": 1, "asserts": True, "quote": "让我很开心"}]}
    only = judged(0, ["你很开心。"], answer, source)[0]
    assert not only.supported and only.claimed == "让我很开心" and supported_share([only]) == 0.0
    for wrong in ([], [1, 1], [2]):
        answer = {"sentences": [{"number": n, "asserts": True, "quote": ""} for n in wrong]}
        with pytest.raises(Unfit, match="evidence_incomplete"):
            judged(0, ["你很开心。"], answer, source)


def test_sentences_of_both_languages() -> None:
    assert sentences("我在。你说“好的。”是吗？——嗯…好") == ["我在。", "你说“好的。”", "是吗？", "——嗯…", "好"]
    assert sentences('It was 3.5 hours. "Really?" she said! Yes') == [
        "It was 3.5 hours.",
        '"Really?"',
        "she said!",
        "Yes",
    ]


def test_kappa_is_that_of_the_textbook() -> None:
    first = [True] * 25 + [False] * 25
    second = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert kappa(first, second) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="same things"):
        kappa([], [])


@pytest.mark.parametrize(
    ("reason", "replies"),
    [
        ("", ["听起来这段时间很累。", "你愿意多说一点吗？"]),
        ("forbidden", ["听起来这段时间很累。", "你得的就是抑郁症。"]),
        ("language", ["听起来这段时间很累。", "That sounds like a lot to carry."]),
        ("repetitive", ["听起来这段时间很累。", "听起来，这段时间很累！"]),
    ],
)
def test_each_rule_finds_its_fault(reason: str, replies: list[str]) -> None:
    found = [Exchange(f"第{n}天还是睡不好", {}, reply) for n, reply in enumerate(replies)]
    assert fault_of(found, [], "zh", DialogueOptions("m")) == reason
    unsupported = [Evidence(0, replies[0], True), Evidence(1, replies[1], True, 0, 4)]
    assert fault_of(found, unsupported, "zh", DialogueOptions("m", support=0.6)) == (reason or "unsupported")


def test_controls_are_drawn_by_the_seed_and_named_in_both_languages() -> None:
    drawn = [draw(seed, (4, 7)) for seed in range(300)]
    assert draw(5, (4, 7)) == drawn[5] and {one.turns for one in drawn} == {4, 5, 6, 7}
    for name in NAMES:
        assert {getattr(one, name) for one in drawn} == set(levels()[name])
    for lang in ("zh", "en"):
        assert all(words for one in drawn[:20] for words in one.words(lang).values())
    with pytest.raises(ValueError, match="choose from"):
        DialogueOptions("m", fixed={"pace": "furious"})


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_every_behaviour_can_be_read_on_the_page(behaviour: str) -> None:
    from assistant.prompt import describe

    controls = Controls("plain", "none", "even", "opening", "level", 4, True)
    signs = [{"behaviour": behaviour, "direction": "more"}]
    written = {"expression": "Sadness", "valence": -0.5, "arousal": 0.0, "signs": signs}
    states = [state_of(written, controls, seed, 0) for seed in range(40)]
    assert any(describe(state, "zh") for state in states) and any(describe(state, "en") for state in states)


def test_prompts_come_in_both_languages_with_the_same_places() -> None:
    names = {path.name.rsplit(".", 2)[0] for path in PROMPTS.glob("*.md")}
    assert len(names) == 10
    for name in names:
        chinese, english = (prompt_text(name, lang) for lang in ("zh", "en"))
        assert set(chinese.asked.get_identifiers()) == set(english.asked.get_identifiers())
        assert chinese.version != english.version
    for step, schema in (("evidence", EVIDENCE_SCHEMA), ("check", CHECK_SCHEMA)):
        for lang in ("zh", "en"):
            assert parse(prompt_text(f"{step}.v1", lang).asked.template.splitlines()[-1], schema)[0]
    with pytest.raises(FileNotFoundError, match=r"choose from check\.v1"):
        prompt_text("nothing.v1", "zh")

"""The ablation of affect: its statistics on planted effects, and the four arms end to end."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from assistant.prompt import describe
from eval.__main__ import main
from eval.dialogue.affect import ARMS, ablate, faces, is_clean, state_with
from eval.dialogue.evaluate import DialogueOptions, Judge
from eval.dialogue.personas import ScriptedClients, read_personas
from eval.statistics import preference, share_interval
from llm.base import Tell
from llm.jobs.types import JobOptions
from llm.types import Prompt, Reply
from tests.eval.judge_server import JudgeServer

PERSONAS = read_personas()
PAIRS, RUNS, ALPHA = 200, 400, 0.05


def found_share(chance: float, ties: float) -> float:
    """How often p < ALPHA in RUNS runs of PAIRS pairs with this chance of a win among the decided."""
    rng = np.random.default_rng(20261127)
    hits = 0
    for _ in range(RUNS):
        drawn, tied = rng.random(PAIRS) < chance, rng.random(PAIRS) < ties
        wins, losses = int((drawn & ~tied).sum()), int((~drawn & ~tied).sum())
        hits += preference([1.0] * wins + [0.0] * losses + [0.5] * (PAIRS - wins - losses)).p < ALPHA
    return hits / RUNS


@pytest.fixture
def no_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval is not what is counted here, and costs most of the time."""
    monkeypatch.setattr("eval.statistics.RESAMPLES", 100)


@pytest.mark.usefixtures("no_bootstrap")
def test_a_planted_effect_of_ten_points_is_found_with_200_pairs() -> None:
    assert found_share(0.60, ties=0.0) >= 0.72  # the exact power is .79
    assert found_share(0.40, ties=0.0) >= 0.72
    assert found_share(0.50 + 0.10 / 0.7, ties=0.3) >= 0.85  # a third of ties leaves the same ten points


@pytest.mark.usefixtures("no_bootstrap")
@pytest.mark.parametrize("ties", [0.0, 0.3, 0.9])
def test_without_an_effect_none_is_found_beyond_the_stated_error_rate(ties: float) -> None:
    share = found_share(0.5, ties)
    assert share_interval(round(share * RUNS), RUNS).low <= ALPHA


def test_the_interval_covers_the_planted_score_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(3), 0
    for run in range(100):
        found = preference([float(x) for x in rng.random(PAIRS) < 0.6], seed=run).score
        covered += found.low <= 0.6 <= found.high
    assert covered >= 89
    with pytest.raises(ValueError, match=r"1, 0\.5 or 0, got 0\.7"):
        preference([0.7])


def test_every_arm_but_none_puts_a_sentence_and_shuffled_is_never_ones_own() -> None:
    own = faces(PERSONAS, "correct")
    for arm in ARMS[1:]:
        shown = faces(PERSONAS, arm, seed=5)
        assert set(shown) == {person.name for person in PERSONAS}
        for person in PERSONAS:
            sentence = describe(state_with(shown[person.name], 3), person.lang)
            assert sentence, f"{arm}: nothing is said of {person.name}"
            if arm != "correct":
                assert sentence != describe(state_with(own[person.name], 3), person.lang)
    assert not faces(PERSONAS, "none")
    with pytest.raises(ValueError, match="at least two persons, got 1"):
        faces(PERSONAS[:1], "shuffled")


class FaceTeller:
    """Speaks of the face wherever its prompt does, and differently for a smile."""

    name = "face-teller"

    def stream(self, prompt: Prompt, tell: Tell | None = None) -> Generator[str, None, Reply]:
        system, zh = prompt.messages[0].content, prompt.locale == "zh"
        plain = "嗯，我在听，后来呢？" if zh else "Mm, and what happened then?"
        smiles = "微笑" in system if zh else "smiling" in system
        seen = ("你脸上在笑，是吗？" if zh else "Your smile came up there, did it?") if smiles else (
            "你的嘴角是不是绷着呢？" if zh else "Is your face a little tense just now?")  # fmt: skip
        text = seen if ("摄像头" in system if zh else "Camera" in system) else plain
        yield text
        return Reply(text, self.name, "stop")


def polite(first: str, second: str) -> str:
    """Prefers the one that speaks less of a look."""
    looks = ("face", "smile", "嘴角", "脸上")
    counts = [sum(words.count(look) for look in looks) for words in (first, second)]
    return "tie" if counts[0] == counts[1] else "A" if counts[0] < counts[1] else "B"


def test_the_four_arms_end_to_end_and_the_risk_is_the_same_in_all(tmp_path: Path) -> None:
    with JudgeServer(polite) as server:
        judge = Judge("j", JobOptions(server.url, concurrency=8))
        options = DialogueOptions(turns=7)
        result = ablate(PERSONAS, ScriptedClients(), FaceTeller, options, tmp_path, judge=judge, shown=False)
    arms = result["arms"]
    assert {arm["dialogues"] for arm in arms.values()} == {14} and is_clean(result)
    assert {arm["risk_changed"] for arm in arms.values()} == {0}
    assert (arms["none"]["told"], arms["none"]["mentions"]) == (0, 0)
    for arm in ARMS[1:]:
        assert arms[arm]["told"] == arms[arm]["mentions"] == arms[arm]["replies"] > 70
        found = arms[arm]["against_none"]
        assert found["losses"] == 14 and found["wins"] == 0 and found["p"] < 0.001 and found["score"]["value"] == 0
    held = {arm: json.loads((tmp_path / f"dialogues/assistant/{arm}/en_truck.0.json").read_text()) for arm in ARMS}
    words = {tuple(turn["user_text"] for turn in one["turns"]) for one in held.values()}
    levels = {tuple(turn["risk"]["level"] for turn in one["turns"]) for one in held.values()}
    assert len(words) == len(levels) == 1


def test_equal_words_are_ties_that_no_judge_is_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replies = tmp_path / "one.txt"
    replies.write_text("Mm, and what happened then?\n", encoding="utf-8")
    with JudgeServer(lambda first, second: "A") as server:
        code = main(["affect", "--assistant", f"scripted:{replies}", "--turns", "2", "--no-reader", "--judge",
                     server.url, "--judge-model", "j", "--out", str(tmp_path / "run")])  # fmt: skip
        assert code == 0 and server.asked == 0
    assert "+0.0 points [+0.0, +0.0], p = 1; 0 won, 14 tied (14 in equal words), 0 lost" in capsys.readouterr().out

"""Does it help that the assistant is told about the face? The same words under four arms of EmotionalState.

none          camera off
correct       the person's own face, as personas.toml has it
shuffled      another person's face
adversarial   a face that contradicts the person's: a clear smile, or for a bright one a clear frown

The words of arm `none` are said again in the others, so that only the state differs. Then: which arm a judge prefers to
`none`, how often replies speak of the face, and whether any Risk changed, which must never be. Where the replies of two
arms are the same words (the fixed crisis path), that is a tie, and the judge is not asked.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from assistant.meaning.base import Reader
from assistant.types import Turn
from eval.dialogue.evaluate import DialogueOptions, Judge
from eval.dialogue.judging import Pair, judge_all
from eval.dialogue.personas import Client, Persona
from eval.dialogue.rules import caught, says
from eval.dialogue.talk import Dialogue, Plan, State, hold, no_state, transcript
from eval.statistics import Preference, preference, share_interval
from llm.base import ChatModel
from llm.files import commit_of, whole
from perception.types import Behaviours, EmotionalState

Arm = Literal["none", "correct", "shuffled", "adversarial"]
ARMS: tuple[Arm, ...] = ("none", "correct", "shuffled", "adversarial")
#: Faces that contradict a low and a bright person.
SMILING = Behaviours(smile=3.4, brow_raise=1.8, valence=2.5)
FROWNING = Behaviours(brow_lower=3.4, lip_corner_down=3.0, valence=-2.5)
#: A camera that sees well: what `describe` needs before it says anything.
CONFIDENCE, COVERAGE = 0.75, 0.95
TURN_S, WINDOW_S = 20.0, 5.0


def state_with(face: Behaviours, place: int) -> EmotionalState:
    """A state that shows `face` clearly, at the time of message `place`."""
    ends = TURN_S * place + WINDOW_S
    valence, arousal = (max(-1.0, min(1.0, value / 3)) for value in (face.valence, face.arousal))
    return EmotionalState(
        ends - WINDOW_S, ends, known=True, valence=valence, arousal=arousal, confidence=CONFIDENCE, coverage=COVERAGE,
        change=face, source="planted", modality="face",
    )  # fmt: skip


def faces(personas: Sequence[Persona], arm: Arm, seed: int = 0) -> dict[str, Behaviours]:
    """Person -> the face that the assistant is told of in `arm`; empty in `none`. Raises ValueError where fewer than
    two persons are to be shuffled."""
    if arm == "none":
        return {}
    if arm == "correct":
        return {person.name: person.face for person in personas}
    if arm == "adversarial":
        return {person.name: FROWNING if person.face.valence > 0 else SMILING for person in personas}
    if len(personas) < 2:
        raise ValueError(f"faces are shuffled among at least two persons, got {len(personas)}")
    order = list(personas)
    random.Random(seed).shuffle(order)
    return {person.name: other.face for person, other in zip(order, [*order[1:], order[0]], strict=True)}


def _states(personas: Sequence[Persona], arm: Arm, seed: int) -> State:
    shown = faces(personas, arm, seed)
    return (lambda person, place: state_with(shown[person.name], place)) if shown else no_state


class Replayed:
    """Persons who say again what they said in earlier dialogues, one of each person."""

    def __init__(self, dialogues: Sequence[Dialogue]) -> None:
        self._said = {held.plan.persona.name: [turn.user_text for turn in held.turns] for held in dialogues}
        self._told = {held.plan.persona.name: held.told for held in dialogues}
        digest = hashlib.sha256(json.dumps(self._said, sort_keys=True).encode()).hexdigest()
        self.name = f"replayed@{digest[:12]}"

    def say(self, persona: Persona, history: Sequence[Turn]) -> str | None:
        said = self._said[persona.name]
        return said[len(history)] if len(history) < len(said) else None

    def told(self, persona: Persona) -> int:
        return self._told[persona.name]


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm: `dialogues` that stand beside one of arm `none`; `told` of `replies` by a model had a sentence about the
    face in their prompt, `mentions` speak of it, `stopped` sentences were not shown; `risk_changed` counts messages
    whose Risk differs from arm `none`, which must be 0. `against_none` is the judge's preference, `same` of its ties
    are equal words; None without a judge. `unjudged` pairs had no readable verdict."""

    dialogues: int
    replies: int
    told: int
    mentions: int
    stopped: int
    risk_changed: int
    same: int = 0
    unjudged: int = 0
    against_none: Preference | None = None


def ablate(
    personas: Sequence[Persona],
    client: Client,
    model: Callable[[], ChatModel],
    options: DialogueOptions,
    out: Path,
    *,
    reader: Reader | None = None,
    judge: Judge | None = None,
    shown: bool | None = None,
) -> dict[str, Any]:
    """Hold every dialogue under the four arms, judge them, and write dialogues/ and result.json into `out`; run again,
    it goes on. Returns what result.json holds.

    Raises ValueError where no dialogue was whole, llm.jobs' errors where the judge's server fails.
    """
    out.mkdir(parents=True, exist_ok=True)
    held: dict[Arm, list[Dialogue]] = {arm: [] for arm in ARMS}
    states: dict[str, State] = {arm: _states(personas, arm, options.seed) for arm in ARMS}
    for repeat in range(options.repeats):
        speaking: Client = client
        people = list(personas)
        for arm in ARMS:
            plans = [Plan("assistant", person, repeat, arm) for person in people]
            found = hold(
                plans, speaking, {"assistant": model}, options.turns, out / "dialogues", reader=reader, states=states,
                workers=options.workers, shown=shown,
            )  # fmt: skip
            held[arm] += found
            if arm == "none":
                speaking = Replayed([one for one in found if one.turns])
                people = [one.plan.persona for one in found if one.turns and not one.broken]
    pairs = _pairs(held)
    if not any(pairs.values()):
        raise ValueError(f"no dialogue was whole: {next(one.broken for one in held['none'])}")
    arms = {"none": _counted([(one, one) for one in held["none"] if one.turns and not one.broken])}
    for arm, found_pairs in pairs.items():
        arms[arm] = _judged(_counted(found_pairs), found_pairs, judge, out / "journal.jsonl", options.seed, shown)
    result = {
        "clients": client.name, "model": model().name, "personas": [person.name for person in personas],
        "settings": asdict(options), "reader": reader is not None, "judge": judge.model if judge else None,
        "commit": commit_of(), "arms": {arm: asdict(found) for arm, found in arms.items()},
        "broken": {one.plan.name: one.broken for found in held.values() for one in found if one.broken},
    }  # fmt: skip
    with whole(out / "result.json") as part:
        part.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return result


def _pairs(held: Mapping[Arm, Sequence[Dialogue]]) -> dict[Arm, list[tuple[Dialogue, Dialogue]]]:
    """Arm -> whole dialogues, each with that of arm `none`."""
    base = {(one.plan.persona.name, one.plan.repeat): one for one in held["none"] if one.turns and not one.broken}
    return {
        arm: [(one, base[one.plan.persona.name, one.plan.repeat]) for one in held[arm] if one.turns and not one.broken]
        for arm in ARMS[1:]
    }  # fmt: skip


def _counted(pairs: Sequence[tuple[Dialogue, Dialogue]]) -> ArmResult:
    turns = [turn for one, _ in pairs for turn in one.turns if turn.prompt is not None]
    changed = sum(
        turn.risk != before.risk for one, none in pairs for turn, before in zip(one.turns, none.turns, strict=True)
    )  # fmt: skip
    told = sum(bool(turn.affect_sentence) for turn in turns)
    mentions, stopped = sum(says("face", turn) for turn in turns), sum(caught(one) for one, _ in pairs)
    return ArmResult(len(pairs), len(turns), told, mentions, stopped, changed)


def _judged(
    counted: ArmResult,
    pairs: Sequence[tuple[Dialogue, Dialogue]],
    judge: Judge | None,
    journal: Path,
    seed: int,
    shown: bool | None,
) -> ArmResult:
    if judge is None or not pairs:
        return counted
    differing = [Pair(one, none) for one, none in pairs if transcript(one) != transcript(none)]
    same = len(pairs) - len(differing)
    verdicts = judge_all(differing, judge.model, judge.jobs, journal, seed, shown)[0] if differing else []
    scores = [verdict.score for verdict in verdicts if verdict is not None] + [0.5] * same
    unjudged = sum(verdict is None for verdict in verdicts)
    found = preference(scores, seed) if scores else None
    return replace(counted, same=same, unjudged=unjudged, against_none=found)


def is_clean(result: Mapping[str, Any]) -> bool:
    """Whether no Risk changed, every dialogue was whole and every pair was judged."""
    arms = result["arms"].values()
    return not result["broken"] and not any(arm["risk_changed"] or arm["unjudged"] for arm in arms)


def summary_text(result: Mapping[str, Any]) -> str:
    """A result in a few lines for the terminal."""
    lines = [f"{result['model']}, {len(result['personas'])} persons, clients {result['clients']}"]
    for name, arm in result["arms"].items():
        share = share_interval(arm["mentions"], arm["replies"]) if arm["replies"] else None
        face = f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]" if share else "-"
        lines.append(
            f"  {name:<12} {arm['dialogues']} dialogues, told of the face in {arm['told']} of {arm['replies']} replies"
            f", speaks of it in {face}; {arm['stopped']} sentences stopped; risk changed {arm['risk_changed']}"
        )
        if found := arm["against_none"]:
            score = found["score"]
            lines.append(
                f"{'':15}against none: {100 * score['value'] - 50:+.1f} points "
                f"[{100 * score['low'] - 50:+.1f}, {100 * score['high'] - 50:+.1f}], p = {found['p']:.3g}; "
                f"{found['wins']} won, {found['ties']} tied ({arm['same']} in equal words), {found['losses']} lost"
            )
    lines += [f"broken: {name}: {why}" for name, why in result["broken"].items()]
    return "\n".join(lines)

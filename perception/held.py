"""An observation that stands long enough to be read, and goes when it is no longer true."""

from __future__ import annotations

from dataclasses import dataclass

from perception.behaviours import noteworthy
from perception.types import CLEAR, NOTEWORTHY, Behaviours, EmotionalState, Observation

#: What was put into words stays so for at least this long (seconds).
HOLD_S = 5.0
#: It is still true while its behaviours stay above this share of what they needed to be noticed.
STILL_TRUE = 0.7
#: Another behaviour takes its place when it is so much stronger.
STRONGER = 1.5
#: How many behaviours a sentence names.
NAMED = 2
#: No behaviours that one can see: they are never named.
UNSEEN = frozenset({"valence", "arousal"})
#: What is named where there is less of it than usual; of the others less is nothing that one sees.
NAMED_LESS = frozenset({"smile", "blink_rate", "movement"})


@dataclass(slots=True)
class HeldObservation:
    """Keeps one person's observation steady. Not thread-safe."""

    _held: Observation | None = None

    def update(self, state: EmotionalState, confidence: float) -> Observation:
        """What may be put into words at `state.t1_s`. `confidence` says how surely the behaviours were measured. An
        unknown state, or one of the voice alone, ends it at once: nothing is claimed of a face out of view."""
        now = state.t1_s
        fresh = Observation(now, state.change, confidence, state.coverage, state.acquainted)
        held = self._held
        if not state.known or state.modality == "voice":
            self._held = None
            return Observation(now, Behaviours(), 0.0, state.coverage)
        if held is None or now < held.t_s or (now - held.t_s >= HOLD_S and not _still_true(held, fresh)):
            held = self._held = fresh if named(fresh.behaviours) else None
        return held or fresh

    def forget(self) -> None:
        self._held = None


def named(behaviours: Behaviours) -> dict[str, float]:
    """The behaviours that a sentence would name, the strongest first."""
    found = noteworthy(behaviours)
    seen = [(name, value) for name, value in found.items() if name not in UNSEEN and (value > 0 or name in NAMED_LESS)]
    return dict(seen[:NAMED])


def _still_true(held: Observation, fresh: Observation) -> bool:
    """Whether the held sentence still says what the face does: its behaviours are there to the same degree, and no
    other is much stronger."""
    then, now = named(held.behaviours), fresh.behaviours.as_dict()
    for name, value in then.items():
        needed = STILL_TRUE * (CLEAR if abs(value) >= CLEAR else NOTEWORTHY)
        if now[name] * (1 if value > 0 else -1) < needed:
            return False
    weakest = min(abs(now[name]) for name in then)
    others = max(now[name] for name in now if name not in then and name not in UNSEEN)
    return others <= STRONGER * (weakest if len(then) == NAMED else NOTEWORTHY)

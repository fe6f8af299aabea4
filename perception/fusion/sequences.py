"""Built clips: what the expression model says about real face crops, strung into trajectories, with a real voice.

There is no corpus with face and voice together here, so that clips are built. Each has one emotion. Its face side is a
trajectory of readings of one to a few real crops, from a neutral start to the emotion, with gaps, wrong frames and
jitter; its voice side the reading of a real recording of that emotion, or nothing, or a wrong one. The readings come
from crops and speakers that the expression and voice models did not learn from, so that their errors are honest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perception.features.sound import Floats
from perception.fusion.circumplex import EMOTIONS, EXPRESSION_OF, FUSED_EXPRESSIONS, PLACE
from perception.fusion.starter import STEPS, log_of
from perception.types import EXPRESSIONS

Ints = npt.NDArray[np.int64]
OTHER = FUSED_EXPRESSIONS.index("Other")
#: The emotions that a face can show: calm is heard only.
SEEN = [k for k, name in enumerate(EMOTIONS) if name != "calm"]
FACE_OF = np.array([EXPRESSIONS.index(EXPRESSION_OF[name]) for name in EMOTIONS])
PLACES = np.array([PLACE[name] for name in EMOTIONS], np.float32)


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings to build from: `faces` (n, 7) probabilities with `face_label` (n,) 0-6 over EXPRESSIONS, and `voices`
    (m, 8) log-probabilities with `voice_label` (m,) 0-7 over EMOTIONS."""

    faces: Floats
    face_label: Ints
    voices: Floats
    voice_label: Ints


@dataclass(slots=True)
class Clips:
    """A batch of built clips, arrays as StarterNet takes them, and their truth."""

    faces: Floats
    seen: Floats
    voice: Floats
    heard: Floats
    expression: Ints
    emotion: Ints
    place: Floats


@dataclass(frozen=True, slots=True)
class Chances:
    """How often a built clip has what. Shares of clips; `wrong_frame` and `gap` of the steps within a clip."""

    no_voice: float = 0.3
    no_face: float = 0.05  # without a face the voice is passed on as it is: nothing to learn, only to survive
    other_face: float = 0.12  # of clips with both: the face shows another emotion; the emotion is then the voice's
    other_voice: float = 0.04  # of clips with both: the voice is somebody else's; the emotion is then the face's
    scrambled: float = 0.25  # each step another person and expression: tracking went wrong, the truth is "Other"
    wrong_frame: float = 0.15
    gap: float = 0.3


def build(readings: Readings, count: int, rng: np.random.Generator, chances: Chances = Chances()) -> Clips:
    """`count` clips, every emotion equally often."""
    by_face = [np.flatnonzero(readings.face_label == k) for k in range(len(EXPRESSIONS))]
    by_voice = [np.flatnonzero(readings.voice_label == k) for k in range(len(EMOTIONS))]
    c = Clips(
        np.zeros((count, STEPS, 7), np.float32),
        np.zeros((count, STEPS), np.float32),
        np.zeros((count, 8), np.float32),
        np.zeros(count, np.float32),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros((count, 2), np.float32),
    )
    for i in range(count):
        emotion = int(rng.integers(len(EMOTIONS)))
        missing = rng.random()
        has_face, has_voice = missing >= chances.no_face, missing < 1 - chances.no_voice
        if not has_voice and EMOTIONS[emotion] == "calm":
            emotion = int(rng.choice(SEEN))
        scrambled = has_face and rng.random() < chances.scrambled
        shown, said = _shown_and_said(emotion, has_face and has_voice, rng, chances)
        expression = int(FACE_OF[shown])
        if has_face:
            c.faces[i], c.seen[i] = _trajectory(readings.faces, by_face, expression, scrambled, rng, chances)
        if has_voice:
            c.voice[i], c.heard[i] = _sharpened(readings.voices[rng.choice(by_voice[said])], rng), 1
        c.expression[i] = OTHER if scrambled else expression
        c.emotion[i], c.place[i] = emotion, PLACES[emotion]
    return c


def _shown_and_said(emotion: int, both: bool, rng: np.random.Generator, chances: Chances) -> tuple[int, int]:
    """Which emotion the face shows and which the voice carries, in a clip of `emotion`."""
    draw, another = rng.random(), int(rng.integers(len(EMOTIONS)))
    if both and draw < chances.other_face:
        return another, emotion
    if both and draw < chances.other_face + chances.other_voice:
        return emotion, another
    return emotion, emotion


def _sharpened(log_probabilities: Floats, rng: np.random.Generator) -> Floats:
    """The same reading by a more or a less certain model: the weights must outlive a newly trained one."""
    scaled = np.exp(log_probabilities * np.exp(rng.uniform(-0.35, 0.35)))
    return log_of(scaled / scaled.sum(axis=-1, keepdims=True))


def _trajectory(
    faces: Floats, by_label: list[Ints], label: int, scrambled: bool, rng: np.random.Generator, chances: Chances
) -> tuple[Floats, Floats]:
    length = 1 if rng.random() < 0.1 else int(rng.integers(2, STEPS + 1))
    anything = rng.integers(0, len(faces), length)
    if scrambled:
        path = faces[anything]
    else:
        count = (
            length if rng.random() < 0.25 else int(rng.integers(1, 4))
        )  # one crop held, a few, or a new one each step
        knots = faces[rng.choice(by_label[label], count)]
        if rng.random() < 0.4 and length > 4:  # it begins neutral
            knots = np.concatenate([faces[rng.choice(by_label[0], 1)], knots])
        at = (
            np.sort(rng.uniform(0, len(knots) - 1, length))
            if rng.random() < 0.5
            else np.linspace(0, len(knots) - 1, length)
        )
        low = np.minimum(at.astype(int), len(knots) - 1)
        share = (at - low)[:, None]
        path = knots[low] * (1 - share) + knots[np.minimum(low + 1, len(knots) - 1)] * share
        wrong = rng.random(length) < rng.uniform(0, 2 * chances.wrong_frame)
        path = np.where(wrong[:, None], faces[anything], path)
    logs = _sharpened(log_of(path), rng) + rng.normal(0, rng.uniform(0, 0.4), (length, 7))
    seen = rng.random(length) >= (rng.uniform(0, 0.8) if rng.random() < chances.gap else 0.0)
    seen[rng.integers(length)] = True
    x, mask = np.zeros((STEPS, 7), np.float32), np.zeros(STEPS, np.float32)
    x[-length:], mask[-length:] = log_of(np.exp(logs) / np.exp(logs).sum(1, keepdims=True)) * seen[:, None], seen
    return x, mask

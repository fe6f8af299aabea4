"""The fusion model that ships, at run time: face crops, sound, or both -> expression, emotion, valence, arousal.

    face crops -> expression/small -> 7 log-probabilities a frame --+
                                                                    +-> fusion network (ONNX) -> heads
    sound -> fusion/voice -> 8 log-probabilities a recording -------+

Only probabilities pass between the parts, so that a newly trained expression model does not make the fusion weights
invalid. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perception.cards import ModelCard
from perception.features.sound import Floats
from perception.fusion.circumplex import EMOTIONS, EXPRESSION_OF, FUSED_EXPRESSIONS, expected_place
from perception.fusion.voice import VoiceModel
from perception.models import load
from perception.session import onnx_session
from perception.types import EXPRESSIONS

#: Time steps the fusion network looks at; live: 4 s at 10 Hz. A longer clip is averaged down to as many blocks.
STEPS = 40
#: No probability counts as less than this: one face model's certainty must not outweigh forty readings.
LEAST = 1e-3
#: Of the late fusion, see Leads: weights with which both together are no more than two points worse than the
#: better one alone, on a quarter of the training speakers and crops that a trial network had not seen (`train starter
#: --tune`; LOG.md has the sweep and the two conditions in which no choice achieves it).
VOICE_LEAD, LOOK_WEIGHT, FACE_LEAD = 0.92, 1.0, 0.7
#: The variance of probabilities among different training crops of one expression, summed over the seven.
LOOKS_VARIANCE = 0.19


@dataclass(frozen=True, slots=True)
class FusionReading:
    """What face and voice together say.

    `expression` (8,) probabilities over circumplex.FUSED_EXPRESSIONS (Neutral, Anger, Disgust, Fear, Happiness,
    Sadness, Surprise, Other); `emotion` (8,) over circumplex.EMOTIONS (neutral, calm, happy, sad,
    angry, fearful, disgust, surprised); `valence`, `arousal` in [-1, 1], derived from the circumplex;
    `confidence` in [0, 1], 0 where neither a face nor a voice was there (then the probabilities are uniform and mean
    nothing). `faces` and `voiced_s` say how much was seen (frames) and heard (seconds of voiced speech).
    """

    expression: Floats
    emotion: Floats
    valence: float
    arousal: float
    confidence: float
    faces: int = 0
    voiced_s: float = 0.0

    @property
    def expressions(self) -> Mapping[str, float]:
        """`expression` by name."""
        return dict(zip(FUSED_EXPRESSIONS, map(float, self.expression), strict=True))

    @property
    def emotions(self) -> Mapping[str, float]:
        """`emotion` by name."""
        return dict(zip(EMOTIONS, map(float, self.emotion), strict=True))


OTHER = FUSED_EXPRESSIONS.index("Other")
NOTHING = FusionReading(np.full(8, 0.125, np.float32), np.full(8, 0.125, np.float32), 0.0, 0.0, 0.0)


def log_of(probabilities: npt.ArrayLike) -> Floats:
    """Log-probabilities with LEAST added to each before they are normalised."""
    p = np.asarray(probabilities, np.float64) + LEAST
    return np.asarray(np.log(p / p.sum(axis=-1, keepdims=True)), np.float32)


def looks(faces: Floats, seen: npt.NDArray[np.bool_]) -> float:
    """How many independent looks at a face the seen readings are worth, at least 1. The late fusion is a logarithmic
    opinion pool (Genest and Zidek 1986) with weights that follow them.

    Readings of one face that holds still share their error: forty of them tell no more than one. This is Kish's
    effective number (Survey Sampling, 1965) n / (1 + (n - 1) r), where r, the share of error that the readings have in
    common, is what their variance over time falls short of that among different faces of one expression.
    """
    readings = np.exp(faces[seen])
    if len(readings) < 2:
        return 1.0
    common = 1.0 - min(1.0, float(readings.var(axis=0, ddof=1).sum()) / LOOKS_VARIANCE)
    return len(readings) / (1.0 + (len(readings) - 1) * common)


@dataclass(frozen=True, slots=True)
class Leads:
    """Which witness leads what. Where face and voice contradict each other nothing in the network tells which is wrong.

    The expression is the face's: `face` is the share that the network's reading without the voice has in it. The
    emotion is the voice's while there was one look at the face (`looks`): `voice` / looks is the voice's share. Every
    further look is evidence of its own and counts `look` times the face's log-probabilities, much less (by the square)
    where the faces fit no one expression. All 0: the network as it is.
    """

    voice: float = VOICE_LEAD
    look: float = LOOK_WEIGHT
    face: float = FACE_LEAD


def fused(both: FusionReading, face: FusionReading, voice: FusionReading, count: float, leads: Leads) -> FusionReading:
    """The late fusion: the network's reading of both, its reading of the face alone, and the voice's own, after `count`
    looks. Valence and arousal are where the emotion lies."""
    share = leads.voice / count
    z = (1 - share) * log_of(both.emotion) + share * log_of(voice.emotion)
    witness = log_of(face.emotion)
    witness[:2] = np.logaddexp(*witness[:2]) - np.log(2)  # no face tells calm from neutral
    emotion = _normal(z + leads.look * (count - 1) * (1 - both.expression[OTHER]) ** 2 * witness)
    expression = _normal((1 - leads.face) * log_of(both.expression) + leads.face * log_of(face.expression))
    valence, arousal = expected_place(emotion)
    return FusionReading(
        expression, emotion, float(valence), float(arousal), _confidence(emotion), face.faces, voice.voiced_s
    )


def _normal(logs: Floats) -> Floats:
    p = np.exp(logs - logs.max())
    return np.asarray(p / p.sum(), np.float32)


class FusionNetwork:
    """The ONNX network and the late fusion after it: `(faces, seen, voice)` -> FusionReading.

    `faces` (steps <= STEPS, 7) log-probabilities over EXPRESSIONS in order of time, `seen` (steps,) which of them are
    there, `voice` (8,) log-probabilities over EMOTIONS, or None.
    """

    def __init__(self, network: bytes, leads: Leads = Leads()) -> None:
        self._run, self._leads = onnx_session(network, "fusion/starter").run, leads

    def __call__(
        self, faces: Floats, seen: npt.NDArray[np.bool_], voice: Floats | None, voiced_s: float = 0.0
    ) -> FusionReading:
        if voice is None:
            return self._read(faces, seen, None) if seen.any() else NOTHING
        alone = voice_alone(voice, voiced_s)
        if not seen.any():
            return alone
        both, face = self._read(faces, seen, voice), self._read(faces, seen, None)
        return fused(both, face, alone, looks(faces, seen), self._leads)

    def _read(self, faces: Floats, seen: npt.NDArray[np.bool_], voice: Floats | None) -> FusionReading:
        """What the network says."""
        x = np.zeros((1, STEPS, len(EXPRESSIONS)), np.float32)
        mask = np.zeros((1, STEPS), np.float32)
        if len(faces):
            mask[0, -len(faces) :] = seen
            x[0, -len(faces) :][seen] = faces[seen]
        heard = np.array([0.0 if voice is None else 1.0], np.float32)
        said = np.zeros((1, len(EMOTIONS)), np.float32) if voice is None else voice[None]
        inputs = {"faces": x, "seen": mask, "voice": said, "heard": heard}
        expression, emotion, place = (part[0] for part in self._run(None, inputs))
        if voice is not None:  # faces that fit no one expression are no witness: so far the voice decides
            share, alone = float(expression[OTHER]), voice_alone(voice, 0.0)
            emotion = (1 - share) * emotion + share * alone.emotion
            place = (1 - share) * place + share * np.array([alone.valence, alone.arousal])
        return FusionReading(
            expression,
            np.asarray(emotion, np.float32),
            float(place[0]),
            float(place[1]),
            _confidence(emotion),
            faces=int(seen.sum()),
        )


def voice_alone(voice: Floats, voiced_s: float) -> FusionReading:
    """With no face there is nothing to fuse: the voice's own probabilities, the expressions that go with them, and the
    expected place on the circumplex."""
    emotion = np.exp(voice)
    expression = np.zeros(len(FUSED_EXPRESSIONS), np.float32)
    for k, name in enumerate(EMOTIONS):
        expression[EXPRESSIONS.index(EXPRESSION_OF[name])] += emotion[k]
    valence, arousal = expected_place(emotion)
    return FusionReading(expression, emotion, float(valence), float(arousal), _confidence(emotion), voiced_s=voiced_s)


def _confidence(emotion: Floats) -> float:
    """0 for uniform probabilities, 1 for certainty."""
    return float((emotion.max() - 0.125) / 0.875)


def in_blocks(faces: Floats, seen: npt.NDArray[np.bool_]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """A clip of more than STEPS frames as STEPS blocks of equal length, each the mean of what was seen in it."""
    if len(faces) <= STEPS:
        return faces, seen
    parts = np.array_split(np.arange(len(faces)), STEPS)
    kept = np.array([bool(seen[part].any()) for part in parts])
    means = [
        np.exp(faces[part][seen[part]]).mean(axis=0) if k else np.ones(7) for part, k in zip(parts, kept, strict=True)
    ]
    return np.log(np.asarray(means)).astype(np.float32), kept


class StarterFusion:
    """`predict(frames, sound, sample_rate)` for a clip; `network` and `voice` for the live path."""

    def __init__(self, network: FusionNetwork, voice: VoiceModel, faces: str = "expression/small") -> None:
        self.network, self.voice, self._faces = network, voice, faces

    def predict(
        self,
        frames: Sequence[npt.NDArray[np.uint8] | None] | None = None,
        sound: npt.ArrayLike | None = None,
        sample_rate: int | None = None,
    ) -> FusionReading:
        """One reading of a whole clip.

        `frames` are face crops, (H, W, 3) RGB or (H, W) grey uint8, in order of time, None where no face was found;
        `sound` is floats in [-1, 1], (samples,) or stereo, at `sample_rate` Hz. Either may be None, and silence counts
        as none; with neither, the reading is uniform with confidence 0. Raises ValueError for a sound that is not
        finite or has no rate, and whatever the expression model raises for a crop that is no picture.
        """
        faces, seen = self._read_faces([] if frames is None else frames)
        voice, voiced_s = None, 0.0
        if sound is not None and np.size(sound):
            reading = self.voice.predict(sound, sample_rate)
            voice, voiced_s = reading.log_probabilities, reading.voiced_s
        return self.network(*in_blocks(faces, seen), voice, voiced_s)

    def _read_faces(self, frames: Sequence[Any]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        seen = np.array([frame is not None for frame in frames], bool)
        faces = np.zeros((len(seen), len(EXPRESSIONS)), np.float32)
        if seen.any():
            crops = [frame for frame in frames if frame is not None]
            faces[seen] = log_of(load(self._faces).predict(crops).basic)
        return faces, seen


def load_starter(card: ModelCard, path: Path) -> StarterFusion:
    """The starter model of its card; the voice model is loaded with it, the expression model when a face comes."""
    return StarterFusion(FusionNetwork(path.read_bytes()), load("fusion/voice"))

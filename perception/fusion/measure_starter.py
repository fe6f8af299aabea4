"""What the starter model reaches on held-out speakers and face crops: each modality alone, both, missing, wrong, worse.

Sound conditions: as recorded; 20 dB louder and quieter; pink noise at 10 dB; telephone band; half a second of silence
around. The table's clips pair a held-out recording with held-out crops of the same emotion, drawn by a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from perception.features.augment import add_noise, coloured_noise, telephone
from perception.features.sound import RATE, Floats
from perception.fusion.circumplex import EMOTIONS, EXPRESSION_OF, PLACE
from perception.fusion.recall import recall_unweighted
from perception.fusion.sequences import FACE_OF, Readings
from perception.fusion.starter import FusionNetwork, FusionReading, Leads, StarterFusion, log_of, voice_alone
from perception.fusion.starter_data import is_held_out, kept_readings
from perception.fusion.train_voice import TEST_ACTORS, read_ravdess
from perception.models import load
from perception.types import EXPRESSIONS

Ints = npt.NDArray[np.int64]
#: How many crops of one clip, and how many of them are wrong or missing in the conditions that say so.
CROPS, SPOILT = 12, 0.3
#: The weights that `sweep_leads` tries, each with the others as shipped.
SWEEP = {"voice": (0.5, 0.7, 0.8, 0.9, 1.0), "look": (0.0, 0.1, 0.2, 0.3, 0.5, 1, 2), "face": (0.3, 0.5, 0.7, 0.8)}


def _with_noise(x: Floats) -> Floats:
    noise = coloured_noise(len(x), 0.5, np.random.default_rng(len(x)))
    return add_noise(x.astype(np.float64), noise, 10.0).astype(np.float32)


SOUNDS: Mapping[str, Callable[[Floats], Floats]] = {
    "as recorded": lambda x: x,
    "gain +20 dB": lambda x: x * np.float32(10),  # floats: nothing clips
    "gain -20 dB": lambda x: x * np.float32(0.1),
    "noise at 10 dB": _with_noise,
    "telephone band": lambda x: telephone(x).astype(np.float32),
    "silence around": lambda x: np.pad(x, RATE // 2),
}


def voice_table(model: StarterFusion, ravdess: Path) -> tuple[dict[str, float], dict[str, list[FusionReading]], Ints]:
    """Unweighted recall of 8 emotions from sound alone on TEST_ACTORS for each of SOUNDS; the readings; the truth."""
    clips, codes = read_ravdess(ravdess)
    held = np.flatnonzero(np.isin(codes[:, 6], TEST_ACTORS))
    truth = codes[held, 2] - 1
    readings = {
        name: [model.predict(sound=change(clips[i]), sample_rate=RATE) for i in tqdm(held.tolist(), desc=name)]
        for name, change in SOUNDS.items()
    }
    return {name: emotion_recall(truth, each) for name, each in readings.items()}, readings, truth


def emotion_recall(truth: Ints, readings: list[FusionReading]) -> float:
    """Unweighted recall of the most probable emotion."""
    return recall_unweighted(truth, [int(r.emotion.argmax()) for r in readings], range(len(EMOTIONS)))


def expression_recall(truth: Ints, readings: list[FusionReading]) -> float:
    """Unweighted recall of the most probable expression, `truth` in emotions."""
    return recall_unweighted(FACE_OF[truth], [int(r.expression.argmax()) for r in readings], range(len(EXPRESSIONS)))


def sign_share(truth: Ints, readings: list[FusionReading]) -> tuple[float, float]:
    """How often the sign of valence and of arousal is right, emotions at zero (neutral) left out."""
    places = np.array([PLACE[EMOTIONS[k]] for k in truth])
    said = np.array([[r.valence, r.arousal] for r in readings])
    right = (places > 0) == (said > 0)
    return tuple(float(right[places[:, k] != 0, k].mean()) for k in (0, 1))  # type: ignore[return-value]


def _clip_faces(faces: Floats, labels: Ints, emotion: int, kind: str, rng: np.random.Generator) -> tuple[Floats, Any]:
    own = np.flatnonzero(labels == EXPRESSIONS.index(EXPRESSION_OF[EMOTIONS[emotion]]))
    picked = rng.choice(own, CROPS)
    if kind == "one crop":
        picked[:] = picked[0]
    spoilt = rng.random(CROPS) < SPOILT
    if kind == "some wrong":
        picked = np.where(spoilt, rng.integers(0, len(faces), CROPS), picked)
    if kind == "all wrong":
        picked = rng.integers(0, len(faces), CROPS)
    if kind == "another emotion":
        picked = rng.choice(np.flatnonzero(labels != labels[own[0]]), 1).repeat(CROPS)
    seen = ~spoilt if kind == "some missing" else np.ones(CROPS, bool)
    seen[0] = True
    return log_of(faces[picked]), seen


def _other_voices(voices: list[Floats | None], truth: Ints, rng: np.random.Generator) -> list[Floats | None]:
    return [voices[int(rng.choice(np.flatnonzero(truth != emotion)))] for emotion in truth]


def fusion_table(
    network: FusionNetwork,
    heard: list[FusionReading],
    truth: Ints,
    faces: Floats,
    labels: Ints,
    voices: list[Floats | None],
) -> list[dict[str, Any]]:
    """Rows of condition, recall of the emotion by camera alone, sound alone and both, and of the expression, and the
    signs. `faces` are readings of held-out crops, `voices` of the held-out recordings in the order of `truth`. Where
    the voice is another's, the columns of sound alone are still those of the right one."""
    rows = []
    heard_only = {"emotion": emotion_recall(truth, heard), "signs": sign_share(truth, heard)}
    kinds = (
        "clean",
        "one crop",
        "some missing",
        "some wrong",
        "all wrong",
        "another emotion",
        "clean, another's voice",
        "one crop, another's voice",
    )
    for kind in kinds:
        rng = np.random.default_rng(1)
        clips = [_clip_faces(faces, labels, int(emotion), kind.split(",")[0], rng) for emotion in truth]
        said = voices if "voice" not in kind else _other_voices(voices, truth, rng)
        camera = [network(*clip, None) for clip in clips]
        both = [network(*clip, voice) for clip, voice in zip(clips, said, strict=True)]
        visible = np.array([EMOTIONS[k] != "calm" for k in truth])  # calm has no face of its own
        seen_truth = truth[visible]
        seen_camera = [r for r, v in zip(camera, visible, strict=True) if v]
        rows.append(
            {
                "faces": kind,
                "camera: emotion (7)": emotion_recall(seen_truth, seen_camera),
                "sound: emotion (8)": heard_only["emotion"],
                "sound: emotion (7)": emotion_recall(seen_truth, [r for r, v in zip(heard, visible, strict=True) if v]),
                "both: emotion (7)": emotion_recall(seen_truth, [r for r, v in zip(both, visible, strict=True) if v]),
                "both: emotion (8)": emotion_recall(truth, both),
                "camera: expression": expression_recall(truth, camera),
                "both: expression": expression_recall(truth, both),
                "sound: signs": heard_only["signs"],
                "camera: signs": sign_share(truth, camera),
                "both: signs": sign_share(truth, both),
            }
        )
    return rows


def sweep_leads(network: bytes, held: Readings) -> list[dict[str, Any]]:
    """What the late fusion's weights give on readings that the network has not seen, each varied alone: by how much (in
    recall; below 0 is worse) both together differ from the better of camera alone and sound alone in each condition.
    Of the emotion that is over the seven that a face can show, and of the expression against the camera."""
    voices: list[Floats | None] = list(held.voices)
    truth = held.voice_label
    heard = [voice_alone(voice, 1.0) for voice in held.voices]
    chosen = Leads()
    tried = [replace(chosen, **{name: value}) for name, values in SWEEP.items() for value in values]
    rows = []
    for leads in tqdm([Leads(0.0, 0.0, 0.0), *tried], desc="leads"):
        row: dict[str, Any] = asdict(leads)
        made = FusionNetwork(network, leads)
        for r in fusion_table(made, heard, truth, held.faces, held.face_label, voices):
            better = max(r["camera: emotion (7)"], 0.0 if "voice" in r["faces"] else r["sound: emotion (7)"])
            row[f"emotion, {r['faces']}"] = round(r["both: emotion (7)"] - better, 3)
            row[f"expression, {r['faces']}"] = round(r["both: expression"] - r["camera: expression"], 3)
        rows.append(row)
    return rows


def held_out_faces(faces: Floats, labels: Ints) -> tuple[Floats, Ints]:
    """Those that the fusion's training has not seen."""
    held = is_held_out(len(faces))
    return faces[held], labels[held]


def report(speech: Path, faces: Path, kept: Path) -> dict[str, Any]:
    """Both tables of the shipped model, and openSMILE's baseline where it is installed. `speech` is ravdess_16k.zip,
    `faces` fer2013.zip; the expression model's readings are kept in the file `kept`."""
    model: StarterFusion = load("fusion/starter")
    table, readings, truth = voice_table(model, speech)
    clips, codes = read_ravdess(speech)
    held = np.flatnonzero(np.isin(codes[:, 6], TEST_ACTORS)).tolist()
    voices = [model.voice.predict(clips[i], RATE).log_probabilities for i in held]
    crops, labels = held_out_faces(*kept_readings(faces, kept))
    result: dict[str, Any] = {
        "sound alone: unweighted recall of 8": table,
        "sound alone: signs of valence, arousal": {name: sign_share(truth, each) for name, each in readings.items()},
        "fusion": fusion_table(model.network, readings["as recorded"], truth, crops, labels, voices),
    }
    with suppress(ImportError):
        result["eGeMAPS + linear SVM"] = egemaps_baseline(speech)
    return result


def egemaps_baseline(ravdess: Path) -> dict[str, float]:
    """eGeMAPS functionals and a linear SVM (C = 0.1, standardised) on the same split; needs openSMILE."""
    import opensmile
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    clips, codes = read_ravdess(ravdess)
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    held = np.isin(codes[:, 6], TEST_ACTORS)

    def features(which: npt.NDArray[np.bool_], change: Callable[[Floats], Floats]) -> npt.NDArray[np.float64]:
        chosen = np.flatnonzero(which).tolist()
        return np.array([smile.process_signal(change(clips[i]), RATE).to_numpy()[0] for i in tqdm(chosen)])

    model = make_pipeline(StandardScaler(), LinearSVC(C=0.1, class_weight="balanced", max_iter=5000))
    model.fit(features(~held, SOUNDS["as recorded"]), codes[~held, 2] - 1)
    truth = codes[held, 2] - 1
    return {
        name: recall_unweighted(truth, model.predict(features(held, change)), range(8))
        for name, change in SOUNDS.items()
    }

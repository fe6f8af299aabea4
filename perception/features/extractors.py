"""The feature sets: what is known of each frame of a video or each moment of a sound, behind one interface.

`extractor(name)` makes one by name; `NAMES` lists them. Heavy libraries are imported when an extractor is made. What
needs a model hub or a library that is not installed says so when it is made, not in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perception.features.sound import HOP, RATE, VOICED, measure, to_mono
from perception.features.table import Extractor, FeatureTable
from perception.types import AUS

Image = npt.NDArray[np.uint8]


def read_sound(source: Path) -> npt.NDArray[np.float32]:
    """A sound file as 16 kHz mono. Raises ValueError naming the file when it cannot be read."""
    import soundfile

    try:
        sound, rate = soundfile.read(source, dtype="float32")
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(f"{source}: not a sound file that can be read ({error})") from error
    return to_mono(sound, rate)


def read_crops(source: Path, fps: float = 30.0) -> Iterator[tuple[float, Image]]:
    """(seconds, RGB crop) of a folder of aligned crops `00001.jpg` ...: frame n is at (n - 1) / fps."""
    import cv2

    files = sorted(source.glob("*.jpg"))
    if not files:
        raise ValueError(f"{source}: no face crops (*.jpg); a video without a face has no features")
    for path in files:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if image is None or not path.stem.isdigit():
            raise ValueError(f"{path}: not a picture, or not named by its frame number (00001.jpg)")
        yield (int(path.stem) - 1) / fps, image


class LogMel:
    """64 log-mel bands every 10 ms, in units of 10 dB, floored at -80 dB; level is kept."""

    name, width = "logmel@1", 64

    def extract(self, source: Path) -> FeatureTable:
        power = measure(read_sound(source)).power
        return FeatureTable(_centres(len(power)), np.log10(np.maximum(power / 1e4, 1e-8)).astype(np.float32))


class Prosody:
    """Pitch in octaves around 150 Hz (0 where unvoiced), periodicity, level in dB, and level change, every 10 ms."""

    name, width = "prosody@1", 4

    def extract(self, source: Path) -> FeatureTable:
        tracks = measure(read_sound(source))
        level = 10 * np.log10(tracks.power.sum(axis=1) / 1e4 + 1e-9)
        pitch = np.where(tracks.periodicity > VOICED, np.log2(tracks.pitch_hz / 150.0), 0.0)
        columns = [pitch, tracks.periodicity, level, np.diff(level, prepend=level[:1])]
        return FeatureTable(_centres(len(level)), np.stack(columns, axis=1).astype(np.float32))


class Egemaps:
    """eGeMAPS v02 functionals (88) over windows of 1 s every 0.1 s, by openSMILE: free for research only, an optional
    extra (pip install opensmile)."""

    name, width = "egemaps@v02", 88

    def __init__(self) -> None:
        try:
            import opensmile
        except ModuleNotFoundError as error:
            text = "egemaps needs openSMILE (research licence), the extra egemaps: python -m pip install opensmile"
            raise ModuleNotFoundError(text, name="opensmile") from error
        self._smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)

    def extract(self, source: Path) -> FeatureTable:
        sound = read_sound(source)
        starts = np.arange(0, max(1, len(sound) - RATE + 1), RATE // 10)
        rows = [self._smile.process_signal(sound[s : s + RATE], RATE).to_numpy()[0] for s in starts]
        return FeatureTable((starts / RATE + 0.5).astype(np.float64), np.asarray(rows, np.float32))


class Expression:
    """Probabilities (7) and embedding of the shipped expression model for every crop of a folder."""

    def __init__(self, model: str = "expression/small", fps: float = 30.0) -> None:
        from perception.models import card_of, load

        self._model, self._fps = load(model), fps
        first = self._model.predict([np.zeros((48, 48, 3), np.uint8)])
        self.width = 7 + int(np.shape(first.embedding)[1])
        self.name = f"{model}@{card_of(model).sha256[:12]}-{fps:g}fps"

    def extract(self, source: Path) -> FeatureTable:
        times, crops = zip(*read_crops(source, self._fps), strict=True)
        rows = []
        for k in range(0, len(crops), 64):
            out = self._model.predict(list(crops[k : k + 64]))
            rows.append(np.concatenate([out.basic, out.embedding], axis=1))
        return FeatureTable(np.array(times), np.concatenate(rows).astype(np.float32))


class Geometry:
    """Of the first face in each frame of a video file: 478 landmarks in the head's own frame (x, y, z), pose in degrees
    (pitch, yaw, roll), and the twelve action units' activations against the person's own running neutral. Frames
    without a face that can be read have no row."""

    name, width = "geometry@1", 478 * 3 + 3 + len(AUS)

    def extract(self, source: Path) -> FeatureTable:
        from perception.face import FaceMesh
        from perception.pose import fit_head, to_canonical
        from perception.reader import FaceReader
        from perception.video import read_video

        times, rows, reader = [], [], FaceReader()
        with FaceMesh() as mesh:
            for frame in read_video(source):
                for face in mesh.find(frame.image)[:1]:
                    shape = to_canonical(face.landmarks, fit_head(face.landmarks)).ravel()
                    aus = reader.read(frame.image, face, frame.t_s).affect
                    units = [aus.aus[au] for au in AUS] if aus is not None else [0.0] * len(AUS)
                    rows.append(np.concatenate([shape, [face.pose.pitch, face.pose.yaw, face.pose.roll], units]))
                    times.append(frame.t_s)
        if not rows:
            raise ValueError("no face was found in any frame, so that there is nothing to extract")
        return FeatureTable(np.array(times), np.stack(rows).astype(np.float32))


class ImageModel:
    """The pooled output of any timm image model for every crop of a folder, 224 px, ImageNet statistics."""

    def __init__(self, model: str, *, pretrained: bool = True, fps: float = 30.0) -> None:
        import timm

        self._net = timm.create_model(model, pretrained=pretrained, num_classes=0).eval()
        self.width, self.name, self._fps = (
            int(self._net.num_features),
            f"timm-{model}@{timm.__version__}-{fps:g}fps",
            fps,
        )

    def extract(self, source: Path) -> FeatureTable:
        import cv2
        import torch

        times, rows = [], []
        mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        for t_s, crop in read_crops(source, self._fps):
            x = (cv2.resize(crop, (224, 224)) / 255.0 - mean) / deviation
            with torch.inference_mode():
                rows.append(self._net(torch.tensor(x.transpose(2, 0, 1)[None], dtype=torch.float32))[0].numpy())
            times.append(t_s)
        return FeatureTable(np.array(times), np.stack(rows))


class SpeechModel:
    """The last hidden layer of a wav2vec2 or HuBERT model from a hub or a folder, one row every 20 ms."""

    def __init__(self, model: str = "facebook/wav2vec2-base") -> None:
        from transformers import AutoModel

        try:
            self._net: Any = AutoModel.from_pretrained(model).eval()
        except OSError as error:
            raise ImportError(
                f"{model} cannot be loaded: give a folder that holds it, or allow the model hub"
            ) from error
        self.width, self.name = int(self._net.config.hidden_size), f"speech-{Path(model).name}@1"

    def extract(self, source: Path) -> FeatureTable:
        import torch

        sound = read_sound(source)
        with torch.inference_mode():
            rows = self._net(torch.from_numpy((sound - sound.mean()) / (sound.std() + 1e-7))[None]).last_hidden_state[0]
        return FeatureTable(np.asarray((np.arange(len(rows)) + 0.5) * 0.02, np.float64), rows.numpy())


def _centres(count: int) -> npt.NDArray[np.float64]:
    return (np.arange(count) + 0.5) * HOP / RATE


EXTRACTORS: dict[str, Callable[..., Extractor]] = {
    "logmel": LogMel, "prosody": Prosody, "egemaps": Egemaps, "expression": Expression, "geometry": Geometry,
    "timm": ImageModel,
    "speech": SpeechModel,
}  # fmt: skip
NAMES: Sequence[str] = tuple(EXTRACTORS)


def extractor(name: str, model: str | None = None) -> Extractor:
    """The extractor called `name`, on `model` where it takes one. Raises KeyError that lists the names, ImportError
    where a library or a model is not to be had."""
    if name not in EXTRACTORS:
        raise KeyError(f"no feature extractor is called {name!r}; choose from {', '.join(NAMES)}")
    return EXTRACTORS[name](model) if model else EXTRACTORS[name]()

"""The feature sets: what is known of each frame of a video or each moment of a sound, behind one interface.

`extractor(name)` makes one by name; `NAMES` lists them. Heavy libraries are imported when an extractor is made. What
needs a model hub or a library that is not installed says so when it is made, not in the middle of a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perception.features.rates import FPS
from perception.features.sound import HOP, RATE, VOICED, measure, to_mono
from perception.features.table import Extractor, FeatureTable
from perception.files import is_clutter
from perception.types import AUS
from perception.video import PHOTO_SUFFIXES, read_photo

Image = npt.NDArray[np.uint8]
#: Crops that an image model reads in one call.
IMAGES_AT_ONCE = 32


def read_sound(source: Path) -> npt.NDArray[np.float32]:
    """A sound file as 16 kHz mono. Raises ValueError naming the file when it cannot be read."""
    import soundfile

    try:
        sound, rate = soundfile.read(source, dtype="float32")
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(
            f"{source}: not a sound file that can be read ({error}); the sound of a video comes out of it by "
            "`ffmpeg -i VIDEO -ac 1 -ar 16000 NAME.wav`"
        ) from error
    return to_mono(sound, rate)


def read_crops(source: Path, fps: float = FPS) -> Iterator[tuple[float, Image]]:
    """(seconds, RGB crop) of a folder of aligned crops, in the order of their frame numbers: frame n is at
    (n - 1) / fps, or at n / fps where there is a frame 0. Raises ValueError naming what is wrong with the folder."""
    numbered = frame_files(source)
    first = min(1, *numbered)
    for number, path in numbered.items():
        yield (number - first) / fps, read_photo(path)


def frame_files(folder: Path) -> dict[int, Path]:
    """Frame number -> picture, in the order of the numbers: the last digits of the name, padded with zeros or not
    (`1.jpg`, `00001.jpg`, `clip_100000.png`). Raises ValueError for a folder without pictures, a picture without a
    number, and two of one number."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder of face crops (00001.jpg ...)")
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in PHOTO_SUFFIXES or is_clutter(path.name):
            continue
        digits = re.search(r"(\d+)$", path.stem)
        if digits is None:
            raise ValueError(f"{path}: not named by its frame number (00001.jpg)")
        number = int(digits[1])
        if number in found:
            raise ValueError(f"{folder}: {found[number].name} and {path.name} are both frame {number}; remove one")
        found[number] = path
    if not found:
        raise ValueError(f"{folder}: no face crops (*.jpg, *.png); a video without a face has no features")
    return dict(sorted(found.items()))


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

    def __init__(self, model: str = "expression/small", fps: float = FPS) -> None:
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
    """The pooled output of any timm image model for every crop of a folder, scaled as that model was trained.

    `model` is a name, whose weights come from a model hub where one can be reached, or "local-dir:FOLDER" with
    config.json and weights as timm writes them. Raises ValueError for an unknown name, ImportError without weights.
    """

    def __init__(self, model: str, *, pretrained: bool = True, fps: float = FPS) -> None:
        from perception.expression.networks import import_timm

        timm = import_timm()
        try:
            self._net: Any = timm.create_model(model, pretrained=pretrained, num_classes=0).eval()
        except (OSError, RuntimeError) as error:
            if "Unknown model" in str(error):
                raise ValueError(f"timm knows no model {model!r}; timm.list_models() lists them") from error
            raise ImportError(f"no weights for {model}: give local-dir:FOLDER or allow the hub ({error})") from error
        how = timm.data.resolve_model_data_config(self._net)
        self._side, self._mean, self._deviation = how["input_size"][1], how["mean"], how["std"]
        self.width, self._fps = int(self._net.num_features), fps
        self.name = f"timm-{Path(model).name}@{timm.__version__}-{fps:g}fps"

    def extract(self, source: Path) -> FeatureTable:
        import cv2
        import torch

        times, rows = [], []
        crops = read_crops(source, self._fps)
        while batch := list(islice(crops, IMAGES_AT_ONCE)):  # a long video's crops do not fit into memory
            sized = [cv2.resize(crop, (self._side, self._side)) / 255.0 for _, crop in batch]
            x = ((np.array(sized) - self._mean) / self._deviation).transpose(0, 3, 1, 2)
            with torch.inference_mode():
                rows.append(self._net(torch.tensor(x, dtype=torch.float32)).numpy())
            times += [t_s for t_s, _ in batch]
        return FeatureTable(np.array(times), np.concatenate(rows))


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


#: Which take a model, and which read folders of numbered crops, whose rate nothing in the folder says.
WITH_MODEL, OF_CROPS = ("expression", "timm", "speech"), ("expression", "timm")


def extractor(name: str, model: str | None = None, fps: float | None = None) -> Extractor:
    """The extractor called `name`, on `model` and for crops at `fps` where it takes them. Raises KeyError that lists
    the names, ValueError for what it does not take, ImportError where a library or a model is not to be had."""
    if name not in EXTRACTORS:
        raise KeyError(f"no feature extractor is called {name!r}; choose from {', '.join(NAMES)}")
    if model and name not in WITH_MODEL:
        raise ValueError(f"the set {name} takes no model; {', '.join(WITH_MODEL)} do")
    if fps is not None and name not in OF_CROPS:
        raise ValueError(f"the set {name} takes no frame rate: its sources know their own; {', '.join(OF_CROPS)} do")
    if name == "timm" and not model:
        raise ValueError("the set timm needs a model: a name such as resnet18, or local-dir:FOLDER")
    options: dict[str, Any] = ({"model": model} if model else {}) | ({} if fps is None else {"fps": fps})
    return EXTRACTORS[name](**options)

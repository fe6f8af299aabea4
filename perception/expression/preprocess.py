"""From any face crop to a network's input, without torch. Training and inference both come through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: A crop below this many pixels a side holds no readable face.
MIN_SIDE_PX = 12
#: Grey inputs are centred and scaled so that an equalised face (uniform on [0, 1]) has about unit variance.
CENTRE, GAIN = 0.5, 3.4


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What a card says about its input: a square of `side` px, `colour` "grey" or "rgb", then (x/255 - mean) / std per
    channel. `equalise` spreads the grey levels evenly first, which makes the result the same for every exposure,
    contrast and gamma."""

    side: int = 48
    colour: str = "grey"
    equalise: bool = True
    mean: tuple[float, ...] = (CENTRE,)
    std: tuple[float, ...] = (1 / GAIN,)

    def __post_init__(self) -> None:
        channels = {"grey": 1, "rgb": 3}.get(self.colour)
        if channels is None:
            raise ValueError(f"preprocessing colour is 'grey' or 'rgb', got {self.colour!r}")
        if len(self.mean) != channels or len(self.std) != channels or min(self.std) <= 0:
            raise ValueError(f"{self.colour} needs {channels} means and positive stds, got {self.mean} and {self.std}")
        if not 16 <= self.side <= 1024:
            raise ValueError(f"the input side is 16 to 1024 px, got {self.side}")


def check_crop(crop: Any, index: int = 0) -> Array:
    """The crop itself if it is an (H, W) or (H, W, 3) uint8 array of at least MIN_SIDE_PX a side, else ValueError."""
    if not isinstance(crop, np.ndarray):
        raise ValueError(f"crop {index} is a {type(crop).__name__}, not a NumPy array; np.asarray(image) makes one")
    if crop.dtype != np.uint8:
        raise ValueError(
            f"crop {index} has dtype {crop.dtype}, not uint8; scale to 0-255 and call .astype(np.uint8) "
            "(after dealing with NaN, if it is floating point)"
        )
    if crop.ndim not in (2, 3) or (crop.ndim == 3 and crop.shape[2] != 3):
        raise ValueError(f"crop {index} has shape {crop.shape}; it must be (H, W) grey or (H, W, 3) RGB")
    if min(crop.shape[:2]) < MIN_SIDE_PX:
        raise ValueError(f"crop {index} is {crop.shape[1]}x{crop.shape[0]} px; a face needs {MIN_SIDE_PX} px a side")
    return crop


def square(crop: Array) -> Array:
    """The crop padded to a square by repeating its border, the picture in the middle; squashing would change faces."""
    height, width = crop.shape[:2]
    if height == width:
        return crop
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return np.asarray(
        cv2.copyMakeBorder(crop, top, side - height - top, left, side - width - left, cv2.BORDER_REPLICATE)
    )


def resize(image: Array, side: int) -> Array:
    """(H, W[, 3]) to (side, side[, 3]): area averaging when shrinking (no aliasing), bilinear when enlarging."""
    if image.shape[:2] == (side, side):
        return image
    shrinks = image.shape[0] > side
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))


def face_image(crop: Array, how: Preprocessing) -> Array:
    """One checked crop as the uint8 picture the network sees: (side, side) grey or (side, side, 3) RGB."""
    picture = square(crop)
    if how.colour == "grey" and picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    elif how.colour == "rgb" and picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    picture = resize(picture, how.side)
    if how.equalise and how.colour == "grey":
        picture = cv2.equalizeHist(picture)
    return np.asarray(picture)


def to_input(crops: Sequence[Any], how: Preprocessing, first: int = 0) -> npt.NDArray[np.float32]:
    """Crops of any sizes as one (N, C, side, side) float32 batch. Raises ValueError naming the first bad crop by its
    place, counted from `first`."""
    channels = 1 if how.colour == "grey" else 3
    batch = np.empty((len(crops), how.side, how.side, channels), dtype=np.float32)
    for index, crop in enumerate(crops):
        batch[index] = face_image(check_crop(crop, first + index), how).reshape(how.side, how.side, channels)
    batch /= 255.0
    batch -= np.asarray(how.mean, dtype=np.float32)
    batch /= np.asarray(how.std, dtype=np.float32)
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2))

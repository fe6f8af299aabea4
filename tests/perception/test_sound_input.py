"""Every way in which a sound card or a file states the same sound comes out as the same sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from perception.features.sound import RATE, to_mono
from perception.prosody import VoiceReader
from perception.sound import one_channel

Array = np.ndarray[Any, Any]


def tone(seconds: float = 1.0, hz: float = 150.0) -> Array:
    """A voice-like tone with harmonics, peak about 0.5."""
    t = np.arange(int(seconds * RATE)) / RATE
    return np.asarray(0.3 * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 5)))


def stated(x: Array, kind: str) -> Array:
    """`x` in [-1, 1] as an array of the dtype `kind`."""
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return x.astype(dtype)
    half = 2.0 ** (8 * dtype.itemsize - 1)
    return np.rint(x * (half - 1) + (half if dtype.kind == "u" else 0)).astype(dtype)


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">i2", ">f4"])
def test_every_width_of_number_is_the_same_sound(kind: str) -> None:
    x = tone()
    coarse = 0.01 if kind in ("u1", "i1") else 1e-3
    np.testing.assert_allclose(one_channel(stated(x, kind)), x, atol=coarse)
    np.testing.assert_allclose(to_mono(stated(x, kind), RATE), x, atol=coarse)
    reader, reference = VoiceReader(), VoiceReader()
    reader.hear(stated(x, kind), RATE, 1.0)
    reference.hear(x, RATE, 1.0)
    assert reader.reading(1.0)["level_dbfs"] == pytest.approx(reference.reading(1.0)["level_dbfs"], abs=0.3)


@pytest.mark.parametrize(("name", "channels"), [
    ("inverted", lambda x: [x, -x]),
    ("inverted and a little quieter", lambda x: [x, -0.9 * x]),
    ("right silent", lambda x: [x, 0 * x]),
    ("left silent", lambda x: [0 * x, x]),
    ("left is hum far below", lambda x: [1e-3 * np.sin(np.arange(len(x)) / 50), x]),
    ("left is constant", lambda x: [0 * x + 0.2, x]),
    ("both", lambda x: [x, x]),
    ("four, one spoken into", lambda x: [0 * x, 0 * x, x, 0 * x]),
])  # fmt: skip
@pytest.mark.parametrize("channels_first", [False, True])
def test_no_channel_cancels_or_thins_another(name: str, channels: Any, channels_first: bool) -> None:
    x = tone()
    sound = np.stack(channels(x))
    out = one_channel(sound if channels_first else sound.T)
    np.testing.assert_allclose(np.abs(np.corrcoef(out, x)[0, 1]), 1.0, atol=0.01, err_msg=name)
    assert np.std(out) == pytest.approx(np.std(x), rel=0.06), name


def test_two_different_voices_on_two_channels_are_both_heard() -> None:
    out = one_channel(np.stack([tone(hz=110.0), tone(hz=173.0)], axis=1))
    spectrum = np.abs(np.fft.rfft(out))
    assert spectrum[110] > 1000 and spectrum[173] > 1000


def test_silence_stays_silence_and_a_uint8_file_of_it_too() -> None:
    assert not one_channel(np.zeros((100, 2))).any()
    assert not one_channel(np.full(100, 128, np.uint8)).any()


def test_loud_floats_keep_their_shape() -> None:
    np.testing.assert_allclose(one_channel(2.5 * tone()), 2.5 * tone(), atol=1e-5)

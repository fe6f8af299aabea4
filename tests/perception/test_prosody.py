"""Voices made of tones: what is heard, what is refused, what is silent."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from perception.baseline import FORMING_SAMPLES
from perception.prosody import FLOOR_DBFS, WINDOW_S, VoiceReader, level_dbfs, pitch_hz
from perception.sound import one_channel

pytestmark = pytest.mark.usefixtures("loud_is_speech")

Sound = npt.NDArray[np.float32]


def voice(pitch: float, seconds: float, rate: int = 16_000, level: float = 0.1) -> Sound:
    """A buzz with falling harmonics, as a vowel has."""
    time = np.arange(int(seconds * rate)) / rate
    sound = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 8) if pitch * k < rate / 2)
    return np.asarray(level * sound, dtype=np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("pitch", [80.0, 120.0, 210.0, 330.0])
def test_pitch_is_right_at_any_rate(pitch: float, rate: int) -> None:
    reader = VoiceReader()
    reader.hear(voice(pitch, 2.0, rate), rate, 2.0)
    reading = reader.reading(2.0)
    assert reading["pitch_hz"] == pytest.approx(pitch, rel=0.01)
    assert reading["pitch_variation_st"] < 0.2 and reading["speaking_share"] == 1.0 and reading["pauses_per_min"] == 0.0


@pytest.mark.slow  # librosa compiles its parts when they are first used
def test_pitch_agrees_with_librosa() -> None:
    import librosa

    rate, time = 16_000, np.arange(32_000) / 16_000
    phase = 2 * np.pi * np.cumsum(150 + 60 * np.sin(2 * np.pi * 0.7 * time)) / rate
    sound = (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase)).astype(np.float32) * 0.2
    sound += np.random.default_rng(0).normal(scale=0.005, size=len(sound)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(sound, 800)[::320]
    ours = pitch_hz(frames, rate)
    theirs = librosa.yin(sound, fmin=65, fmax=400, sr=rate, frame_length=800, hop_length=320, center=False)
    together = min(len(ours), len(theirs))
    assert np.isfinite(ours).all()
    assert np.median(np.abs(12 * np.log2(ours[:together] / theirs[:together]))) < 0.2


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(scale=0.1, size=(50, 800))
    assert np.isnan(pitch_hz(noise, 16_000)).mean() > 0.9
    assert np.isnan(pitch_hz(np.zeros((5, 800)), 16_000)).all()
    assert np.isnan(pitch_hz(np.full((5, 800), 0.5), 16_000)).all()


def test_levels_are_relative_to_full_scale() -> None:
    sine = np.sin(2 * np.pi * np.arange(16_000) / 160)
    assert level_dbfs(sine[None])[0] == pytest.approx(-3.01, abs=0.01)
    assert level_dbfs(0.1 * sine[None])[0] == pytest.approx(-23.01, abs=0.01)
    assert level_dbfs(np.zeros((1, 10)))[0] == FLOOR_DBFS


def test_silence_is_silence_and_not_an_error() -> None:
    reader = VoiceReader()
    reader.hear(np.zeros(32_000, np.float32), 16_000, 2.0)
    assert reader.reading(2.0) == {"level_dbfs": FLOOR_DBFS, "speaking_share": 0.0, "clipped_share": 0.0}
    assert reader.reading(2.0 + WINDOW_S + 1) == {}, "later, nothing is known any more"


def test_pauses_and_speaking_share() -> None:
    reader = VoiceReader()
    hush = np.random.default_rng(0).normal(scale=0.0003, size=8_000).astype(np.float32)
    for i in range(8):  # half a second of voice, half a second of hush, eight times
        reader.hear(np.concatenate([voice(150, 0.5), hush]), 16_000, 1.0 + i)
    reading = reader.reading(8.0)
    assert reading["speaking_share"] == pytest.approx(0.5, abs=0.06)
    assert reading["pauses_per_min"] == pytest.approx(7 * 60 / 8, rel=0.1)


def test_clipping_is_reported() -> None:
    reader = VoiceReader()
    reader.hear(np.clip(20 * voice(150, 1.5), -1, 1), 16_000, 1.5)
    assert reader.reading(1.5)["clipped_share"] > 0.5


def test_change_is_relative_to_the_persons_own_voice() -> None:
    reader = VoiceReader()
    for i in range(FORMING_SAMPLES + 2):
        reader.hear(voice(200, 1.0), 16_000, 1.0 + i)
    usual = reader.reading(1.0 + i)
    assert abs(usual["pitch_hz_change"]) < 0.5 and abs(usual["level_dbfs_change"]) < 0.5
    for j in range(i + 1, i + 11):
        reader.hear(voice(260, 1.0, level=0.3), 16_000, 1.0 + j)
    now = reader.reading(1.0 + j)
    assert now["pitch_hz_change"] > 2.0 and now["level_dbfs_change"] > 2.0


@pytest.mark.parametrize(("sound", "rate", "says"), [
    (np.full(1600, np.nan, np.float32), 16_000, "NaN"), (np.full(1600, np.inf, np.float32), 16_000, "infinity"),
    (np.zeros(1600, np.float32), 0, "4000 to 768000"), (np.zeros(1600, np.float32), float("nan"), "4000 to 768000"),
    (np.zeros(1600, np.float32), 1e9, "4000 to 768000"), (np.zeros(0, np.float32), 16_000, "non-empty"),
    (np.zeros((40, 1600), np.float32), 16_000, "32 channels"),
    (np.zeros((2, 2, 2), np.float32), 16_000, r"\(2, 2, 2\)"),
    (np.full(1600, 20_000.0, np.float32), 16_000, "divide"), (np.zeros(1600, bool), 16_000, "bool"),
    ([0.0, 1.0], 16_000, "list"), (None, 16_000, "NoneType"), (np.zeros(1600, complex), 16_000, "complex"),
])  # fmt: skip
def test_what_is_no_sound_is_refused_and_leaves_no_trace(sound: Any, rate: float, says: str) -> None:
    reader = VoiceReader()
    reader.hear(voice(150, 2.0), 16_000, 2.0)
    before = reader.reading(2.5)
    with pytest.raises(ValueError, match=says):
        reader.hear(sound, rate, 2.5)
    assert reader.reading(2.5) == before


def test_kinds_of_sound_that_are_the_same() -> None:
    base = voice(150, 0.1)
    same_sounds = (
        (base * 32768).astype(np.int16), np.stack([base, base], axis=1), base.astype(np.float64), base[:, None]
    )  # fmt: skip
    for same in same_sounds:
        np.testing.assert_allclose(one_channel(same), base, atol=1e-4)


def test_late_and_repeated_chunks_are_refused_and_clocks_may_jump() -> None:
    reader = VoiceReader()
    reader.hear(voice(150, 1.0), 16_000, 10.0)
    for late in (10.0, 9.5):
        with pytest.raises(ValueError, match="repeated or late"):
            reader.hear(voice(150, 1.0), 16_000, late)
    with pytest.raises(ValueError, match="finite"):
        reader.hear(voice(150, 1.0), 16_000, float("inf"))
    reader.hear(voice(150, 1.2), 16_000, 3.0)
    assert reader.reading(3.0)["pitch_hz"] == pytest.approx(150, rel=0.01)


def test_memory_is_bounded() -> None:
    reader = VoiceReader()
    reader.hear(voice(150, 120.0), 16_000, 120.0)
    for i in range(30):
        reader.hear(voice(150, 1.0), 16_000, 121.0 + i)
    assert len(reader._frames) <= WINDOW_S / 0.02
    reader.hear(voice(150, 0.01), 16_000, 200.0)  # shorter than a frame: tells nothing
    assert reader.reading(200.0) == {}

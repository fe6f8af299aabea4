"""Speech is told from music, noise, typing and silence; where tests need a voice, a tone counts as one (conftest)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from perception.features.sound import StreamResampler
from perception.models import load
from perception.prosody import VoiceReader
from perception.speech import MIN_SPOKEN_S, RATE, WINDOW, SpeechModel, SpeechStream, spoken, spoken_s
from tests.perception.sounds import beat, level, melody, typing, voice

Sound = np.ndarray


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    found: SpeechModel = load("speech/silero")
    return found


@pytest.fixture(scope="module")
def clips(data: Path) -> list[Sound]:
    """Six actors' clips, at -26 dB."""
    with zipfile.ZipFile(data / "speech" / "ravdess_16k.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".flac"))
        return [level(soundfile.read(io.BytesIO(archive.read(name)))[0], -26) for name in names[:: len(names) // 6][:6]]


def hiss(seconds: float, seed: int = 0) -> Sound:
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE))


@pytest.mark.parametrize("made", [hiss, melody, beat, typing])
def test_noise_music_and_typing_are_no_speech(model: SpeechModel, made: Callable[[float, int], Sound]) -> None:
    for seed in range(3):
        assert spoken_s(model.probabilities(level(made(4.0, seed), -20))) < MIN_SPOKEN_S


def test_silence_and_tones_are_no_speech(model: SpeechModel) -> None:
    for x in (np.zeros(4 * RATE), np.zeros(0), np.full(4 * RATE, 0.3), np.tile(voice(1.5), 3)):
        assert spoken_s(model.probabilities(x.astype(np.float32))) < MIN_SPOKEN_S


@pytest.mark.parametrize("made", [hiss, melody, beat, typing])
def test_the_voice_model_reads_no_emotion_in_what_is_no_voice(made: Callable[[float, int], Sound]) -> None:
    reading = load("fusion/voice").predict(level(made(4.0, 1), -20), RATE)
    assert reading.log_probabilities is None and reading.voiced_s == 0


@pytest.mark.parametrize("made", [hiss, melody, beat, typing])
def test_speech_is_found_in_noise_and_music_and_its_silence_is_not(
    model: SpeechModel, clips: list[Sound], made: Callable[[float, int], Sound]
) -> None:
    quiet = np.zeros(2 * RATE)
    for seed, clip in enumerate(clips):
        x = np.concatenate([quiet, clip, quiet])
        x = x + level(made(len(x) / RATE, seed)[: len(x)], -31)
        found = spoken(model.probabilities(x.astype(np.float32)))
        start, end = len(quiet) // WINDOW, (len(quiet) + len(clip)) // WINDOW
        assert found[start:end].mean() > 0.4  # the clips hold breaths and pauses
        assert found[: start - 3].mean() + found[end + 6 :].mean() < 0.15


def test_a_stream_in_pieces_hears_what_a_recording_holds(model: SpeechModel, clips: list[Sound]) -> None:
    x = np.concatenate(clips[:2]).astype(np.float32)
    stream, parts, place = SpeechStream(model), [], 0
    for size in (1, 100, 511, 512, 513, 4000, 7, len(x)):
        parts.append(stream.hear(x[place : place + size]))
        place += size
    whole = model.probabilities(x)
    assert whole.max() > 0.9
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)
    assert stream.waiting_s == pytest.approx(len(x) % WINDOW / RATE)


def test_speech_begins_high_ends_low_and_bridges_short_gaps() -> None:
    p = [0.4, 0.6, 0.4, 0.2, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.6, 0.3]
    expected = [0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0]
    assert spoken(p).tolist() == [bool(e) for e in expected]
    assert spoken([]).shape == (0,) and spoken_s([0.9] * 10) == pytest.approx(0.32)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_the_speaking_share_is_that_of_the_speech_and_not_of_the_music(clips: list[Sound], rate: int) -> None:
    x = np.concatenate([np.zeros(3 * RATE), clips[0], np.zeros(3 * RATE)])
    x = x + level(beat(len(x) / RATE, 1)[: len(x)], -36)
    x = np.repeat(x, rate // RATE)
    reader = VoiceReader()
    for start in range(0, len(x) - rate // 2 + 1, rate // 2):
        reader.hear(x[start : start + rate // 2].astype(np.float32), rate, (start + rate // 2) / rate)
    share = len(clips[0]) / (len(clips[0]) + 6 * RATE)
    assert 0.5 * share < reader.reading(len(x) / rate)["speaking_share"] < 1.2 * share


def test_a_resampler_knows_how_far_it_lies_behind() -> None:
    resampler = StreamResampler(48_000)
    given = made = 0
    for size in (100, 4_800, 12_345, 48_000):
        given, made = given + size, made + len(resampler.push(np.zeros(size, np.float32)))
        assert made / RATE + resampler.delay_s == pytest.approx(given / 48_000, abs=1 / RATE)
    assert StreamResampler(RATE).delay_s == 0.0

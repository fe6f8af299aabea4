"""The sound front end: against librosa, level, silence, sampling rate, pieces; and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from perception.features.augment import add_noise, coloured_noise, new_features, new_recording, telephone
from perception.features.sound import (
    N_FEATURES,
    N_MELS,
    RATE,
    StreamResampler,
    measure,
    mel_filters,
    mel_power,
    pitch_track,
    speech_frames,
    to_mono,
    voice_features,
)
from tests.perception.sounds import voice


def test_mel_power_agrees_with_librosa() -> None:
    import librosa

    x = voice()
    filters = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=N_MELS, fmin=60, fmax=7600, htk=True, norm=None)
    assert np.allclose(mel_filters(), filters, atol=1e-4)
    # Our frames are centred in their 10 ms; librosa sets its 400 samples into the middle of 512: 120 + 56 samples.
    padded = np.concatenate([np.zeros(176, np.float32), x, np.zeros(512, np.float32)])
    stft = librosa.stft(padded, n_fft=512, hop_length=160, win_length=400, window="hann", center=False)
    theirs = ((np.abs(stft) ** 2).T @ filters.T)[: len(x) // 160]
    assert np.allclose(mel_power(x), theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("hz", [80.0, 140.0, 260.0, 420.0])
def test_pitch_is_right_and_agrees_with_yin(hz: float) -> None:
    import librosa

    x = voice(hz=hz * 0.9 if hz > 300 else hz)
    ours, periodicity = pitch_track(x)
    theirs = librosa.yin(x, fmin=60, fmax=500, sr=RATE, frame_length=1024, hop_length=160)
    count = min(len(ours), len(theirs)) - 4
    voiced = periodicity[4:count] > 0.8
    assert voiced.mean() > 0.8
    assert np.median(np.abs(np.log2(ours[4:count] / theirs[4:count]))[voiced]) < 0.03


def test_noise_and_silence_are_not_periodic() -> None:
    noise = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    assert (pitch_track(noise)[1] > 0.45).mean() < 0.05
    assert (pitch_track(np.zeros(RATE, np.float32))[1] == 0).all()


@pytest.mark.parametrize("gain_db", [-40, -20, 15])
def test_features_do_not_depend_on_level(gain_db: float) -> None:
    x = voice()
    a, b = voice_features(measure(x)), voice_features(measure(x * np.float32(10 ** (gain_db / 20))))
    assert a.shape == b.shape and a.shape[1] == N_FEATURES
    assert np.abs(a - b).max() < 0.02


def test_features_do_not_depend_on_silence_around() -> None:
    x = voice()
    hush = np.zeros(RATE, np.float32)
    alone, framed = voice_features(measure(x)), voice_features(measure(np.concatenate([hush, x, hush, hush])))
    assert abs(len(alone) - len(framed)) <= 25  # the 0.1 s kept on either side
    assert np.allclose(alone[30:100].mean(0)[66:], framed[40:110].mean(0)[66:], atol=0.1)


def test_long_pauses_are_dropped_and_short_ones_kept() -> None:
    x = voice(1.0)

    def length(pause: float) -> int:
        return int(speech_frames(measure(np.concatenate([x, np.zeros(int(pause * RATE), np.float32), x])).power).sum())

    assert length(2.0) < length(0.15) + 30
    assert length(0.15) >= 210


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_other_rates_and_stereo_come_out_as_16_khz_mono(rate: int) -> None:
    t = np.arange(rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * t)
    out = to_mono(np.stack([tone, tone], axis=1), rate)
    assert out.dtype == np.float32 and abs(len(out) - RATE) <= 1
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(out)) / RATE)
    assert np.abs(out - expected)[200:-200].max() < 0.01
    assert np.allclose(to_mono(np.stack([tone, tone]), rate), out)  # channels first
    assert np.abs(to_mono((tone * 32767).astype(np.int16), rate) - out).max() < 1e-3


@pytest.mark.parametrize("rate", [44100, 48000, 22050, 16000])
def test_sound_in_pieces_is_resampled_as_if_whole(rate: int) -> None:
    rng = np.random.default_rng(3)
    x = (0.1 * rng.standard_normal(rate)).astype(np.float32)
    stream, cuts = StreamResampler(rate), np.sort(rng.choice(np.arange(1, rate), 11, replace=False))
    out = np.concatenate([stream.push(piece) for piece in np.split(x, cuts)])
    whole = to_mono(x, rate)
    assert len(whole) - len(out) <= 2 * RATE // 100 + RATE // 50
    assert np.allclose(out[:-50], whole[: len(out) - 50], atol=1e-4)


@pytest.mark.parametrize(
    ("sound", "rate", "message"),
    [
        (np.zeros(0), 16000, "non-empty"),
        (np.zeros((2, 2, 2)), 16000, "array"),
        (np.array([0.0, np.nan]), 16000, "1 samples that are not finite"),
        (np.zeros(10), None, "4000 to"),
        (np.zeros(10), 0, "4000 to"),
        (np.zeros(10), float("nan"), "4000 to"),
    ],
)
def test_bad_sound_is_refused_with_a_reason(sound: np.ndarray, rate: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_mono(sound, rate)  # type: ignore[arg-type]


def test_very_short_and_silent_sounds_have_features() -> None:
    for x in (np.zeros(1, np.float32), np.zeros(3 * RATE, np.float32), voice(0.02)):
        features = voice_features(measure(x))
        assert features.shape[1] == N_FEATURES and np.isfinite(features).all()


def test_changes_are_drawn_from_the_seed_and_keep_what_they_must() -> None:
    x = voice()
    a, b = (new_recording(x, [x], np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(a, b) and np.isfinite(a).all() and np.abs(a).max() <= 0.51
    features = voice_features(measure(x))
    for seed in range(30):
        h = new_features(features, np.random.default_rng(seed))
        assert h.shape[1] == N_FEATURES and np.isfinite(h).all() and 0.7 < len(h) / len(features) < 1.4


def test_noise_has_the_stated_level_and_the_telephone_its_band() -> None:
    x = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    noisy = add_noise(x, coloured_noise(RATE, 0.5, np.random.default_rng(0)), 10.0)
    assert 10 * np.log10(np.mean(x**2) / np.mean((noisy - x) ** 2)) == pytest.approx(10, abs=0.1)
    high = np.sin(2 * np.pi * 6000 * np.arange(RATE) / RATE)
    assert np.std(telephone(high)) < 0.02 * np.std(telephone(x))

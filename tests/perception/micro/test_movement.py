"""Bumps in paths and what is known of them, the judge that looks through them, and the made videos it learned from."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from perception.cards import ModelCard
from perception.micro.faces import FaceSet
from perception.micro.movement import AREAS, FEATURES, Candidate, candidates, half_width, head_place
from perception.micro.spot import Judge, Spotter, judged, load
from perception.micro.spot_train import fitted, is_true
from perception.micro.videos import VideoOptions, make_video
from perception.types import Face

BROW, MOUTH = 0, 10
PLACE = {name: at for at, name in enumerate(FEATURES)}


def still(seconds: float = 8, fps: float = 50) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    times = np.arange(int(seconds * fps)) / fps
    rng = np.random.default_rng(0)
    return times, rng.normal(0, 0.0004, (len(times), len(AREAS), 2)), rng.normal(0, 0.0003, (len(times), 2))


def bump(times: np.ndarray, at: float, height: float, width: float = 0.09) -> np.ndarray:
    return np.asarray(height * np.exp(-(((times - at) / width) ** 2)))


def highest(found: list[Candidate], feature: str = "height") -> Candidate:
    return max(found, key=lambda one: one.features[PLACE[feature]])


def test_a_bump_alone_and_one_among_talk_are_told_apart() -> None:
    times, paths, heads = still()
    paths[:, MOUTH, 1] -= bump(times, 4.0, 0.03)
    alone = highest(candidates(times, paths, heads))
    assert alone.apex_s == pytest.approx(4.0, abs=0.05) and alone.region == "mouth"
    assert alone.features[PLACE["like it nearby"]] == 0 and alone.features[PLACE["mouth movements nearby"]] == 1
    for at in (3.1, 3.4, 3.7, 4.3, 4.6):
        paths[:, MOUTH, 1] -= bump(times, at, 0.025)
    among = highest(candidates(times, paths, heads))
    assert among.features[PLACE["like it nearby"]] >= 3 and among.features[PLACE["mouth movements nearby"]] >= 5


def test_a_head_that_turns_meanwhile_is_known() -> None:
    times, paths, heads = still()
    paths[:, BROW, 1] -= bump(times, 4.0, 0.03)
    calm = highest(candidates(times, paths, heads))
    heads[:, 0] += 0.2 * np.clip((times - 3.8) / 0.4, 0, 1)
    turning = highest(candidates(times, paths, heads))
    assert turning.features[PLACE["head speed"]] > calm.features[PLACE["head speed"]] + 0.5


def test_what_stays_does_not_return_and_what_is_slow_is_no_candidate() -> None:
    times, paths, heads = still()
    paths[:, BROW, 1] -= bump(times, 4.0, 0.03, width=0.8)
    assert all(one.features[PLACE["height"]] < np.log(2) for one in candidates(times, paths, heads))
    assert candidates(times[:5], paths[:5], heads[:5]) == []
    first, last = half_width(np.array([0.0, 1, 4, 3, 0]), 2)
    assert (first, last) == (1, 4)


def of_height(height: float, onset_s: float) -> Candidate:
    features = [0.0] * len(FEATURES)
    features[PLACE["height"]] = height
    return Candidate(onset_s, onset_s + 0.1, onset_s + 0.2, "brows", tuple(features))


def test_the_judge_takes_the_surest_of_what_overlaps() -> None:
    weights = np.zeros(len(FEATURES))
    weights[PLACE["height"]] = 1.0
    judge = Judge(np.zeros(len(FEATURES)), np.ones(len(FEATURES)), weights, 0.0, 0.5)
    events = judged([of_height(1.0, 1.0), of_height(2.0, 1.1), of_height(0.4, 3.0), of_height(0.9, 5.0)], judge)
    assert [event.onset_s for event in events] == [1.1, 5.0]
    assert events[0].confidence == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert judged([], judge) == []


def test_a_judge_learns_what_is_true_and_where_to_draw_the_line() -> None:
    rng = np.random.default_rng(0)
    found, truth = [], []
    for _ in range(9):
        onsets = np.arange(20.0)
        real = rng.random(20) < 0.3
        found.append([of_height(rng.normal(2 if yes else 0, 0.5), at) for at, yes in zip(onsets, real, strict=True)])
        truth.append(tuple((at, at + 0.2) for at, yes in zip(onsets, real, strict=True) if yes))
    judge = fitted(found, truth)
    assert judge.weights.argmax() == PLACE["height"]
    events = judged(found[0], judge)
    assert sum(is_true(one, truth[0]) for one in found[0]) == len(truth[0])
    assert abs(len(events) - len(truth[0])) <= 2


def test_another_set_of_features_is_refused(tmp_path: Path) -> None:
    card = ModelCard("micro/spot", "", "", "", True)
    (tmp_path / "old.json").write_text('{"features": ["height"]}', encoding="utf-8")
    with pytest.raises(ValueError, match="--protocol spotting makes a new one"):
        load(card, tmp_path / "old.json")
    with pytest.raises(ValueError, match="names no file"):
        load(card, None)


def test_a_made_video_holds_its_movements_and_depends_on_its_seed(face_set: FaceSet) -> None:
    options = VideoOptions(fps=25, seconds=12, micro=2)
    video = make_video(face_set, 0, 3, options)
    assert len(video.truth) == 2 and all(0.1 < off - on < 0.5 for on, off in video.truth)
    frames = list(video.frames())
    assert len(frames) == 300 and frames[0][0].shape == (224, 224, 3) and frames[0][1].shape == (478, 3)
    again = next(make_video(face_set, 0, 3, options).frames())
    assert (frames[0][0] == again[0]).all()
    assert make_video(face_set, 0, 4, options).truth != video.truth


def test_a_spotter_with_a_judge_says_each_movement_once(face_set: FaceSet, astronaut_face: Face) -> None:
    """A judge that takes everything high: what is said frame by frame is what stands in the whole video."""
    weights = np.zeros(len(FEATURES))
    weights[PLACE["height over noise"]] = 1.0
    judge = Judge(np.zeros(len(FEATURES)), np.ones(len(FEATURES)), weights, 0.0, 2.2)
    spotter, events = Spotter(judge=judge), []
    video = replace(make_video(face_set, 0, 8, VideoOptions(fps=30, seconds=14, micro=2, amplitude=(0.05, 0.06))))
    for image, landmarks, t_s in video.frames():
        events += spotter.add(image, landmarks, t_s)
    events += spotter.finish()
    onsets = [event.onset_s for event in events]
    assert onsets == sorted(onsets) and len(set(onsets)) == len(onsets)
    assert all(one.offset_s <= other.onset_s for one, other in pairwise(events))
    assert head_place(astronaut_face.landmarks).shape == (2,)

"""How `micro/spot` is made: a judge of bumps from made videos of some people, measured on made videos of others."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perception.commands import say
from perception.files import whole
from perception.micro.faces import FaceSet, cached_faces
from perception.micro.movement import FEATURES, Candidate, Follower, candidates, head_place
from perception.micro.same import same_inputs
from perception.micro.shipped import part_people
from perception.micro.spot import Interval, Judge, Spotter, interval_f1, judged, matches
from perception.micro.videos import MadeVideo, VideoOptions, make_video

#: Frames a second of the made videos: one is drawn for each.
RATES = (30.0, 50.0, 60.0)
#: The share of training videos whose people choose the threshold, and what is tried.
CHOOSE, THRESHOLDS = 1 / 3, np.arange(-3.0, 3.01, 0.25)
#: Two intervals are one movement from this intersection over union on (MEGC).
SAME = 0.5


def drawn_video(faces: FaceSet, seed: int) -> MadeVideo:
    """A video of a face, a rate and courses that the seed draws."""
    rng = np.random.default_rng(seed)
    return make_video(faces, int(rng.integers(len(faces.people))), seed, VideoOptions(fps=float(rng.choice(RATES))))


def watched(video: MadeVideo) -> list[Candidate]:
    """The bumps of a whole video, its frames taken as the Spotter takes them."""
    cv2.setNumThreads(1)
    follower = Follower()
    times, paths, heads = [], [], []
    for image, landmarks, t_s in video.frames():
        times.append(t_s)
        paths.append(follower.follow(image, landmarks)[1])
        heads.append(head_place(landmarks))
    return candidates(np.array(times), np.stack(paths), np.stack(heads))


def is_true(one: Candidate, truth: tuple[Interval, ...]) -> bool:
    """Whether a candidate is one of the brief movements."""
    return bool(matches([(one.onset_s, one.offset_s)], truth, SAME))


def fitted(found: list[list[Candidate]], truth: list[tuple[Interval, ...]]) -> Judge:
    """A judge trained on the candidates of videos, its threshold the one with the best F1 on the last CHOOSE of them,
    by weights that did not see those."""
    first = max(1, round(len(found) * (1 - CHOOSE)))
    partly = _regression(found[:first], truth[:first], 0.0)
    best = max(THRESHOLDS, key=lambda at: _f1_at(float(at), partly, found[first:], truth[first:]))
    return _regression(found, truth, float(best))


def _regression(found: list[list[Candidate]], truth: list[tuple[Interval, ...]], threshold: float) -> Judge:
    from sklearn.linear_model import LogisticRegression

    rows = np.array([one.features for video in found for one in video])
    labels = np.array([is_true(one, true) for video, true in zip(found, truth, strict=True) for one in video])
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=1000).fit((rows - mean) / spread, labels)
    return Judge(mean, spread, model.coef_[0], float(model.intercept_[0]), threshold)


def _f1_at(threshold: float, judge: Judge, found: list[list[Candidate]], truth: list[tuple[Interval, ...]]) -> float:
    judge = Judge(judge.mean, judge.spread, judge.weights, judge.bias, threshold)
    hits = said = 0
    for video, true in zip(found, truth, strict=True):
        events = judged(video, judge)
        hits += len(matches([(event.onset_s, event.offset_s) for event in events], true, SAME))
        said += len(events)
    return interval_f1(hits, said, sum(map(len, truth)))


def streamed(video: MadeVideo, judge: Judge | None) -> tuple[int, int]:
    """(hits, events) of a Spotter that gets the frames one by one."""
    cv2.setNumThreads(1)
    spotter, events = Spotter(judge=judge), []
    for image, landmarks, t_s in video.frames():
        events += spotter.add(image, landmarks, t_s)
    events += spotter.finish()
    return len(matches([(event.onset_s, event.offset_s) for event in events], video.truth, SAME)), len(events)


def measured(videos: list[MadeVideo], judge: Judge | None, workers: int = 1) -> dict[str, float]:
    """F1, hits, true movements and false alarms a minute over the videos, frame by frame."""
    with ProcessPoolExecutor(workers) as pool:
        counts = list(pool.map(partial(streamed, judge=judge), videos))
    hits, said = sum(hit for hit, _ in counts), sum(events for _, events in counts)
    true, minutes = sum(len(video.truth) for video in videos), sum(float(video.times[-1]) for video in videos) / 60
    return {"f1": interval_f1(hits, said, true), "hits": hits, "true": true, "false_a_minute": (said - hits) / minutes}


def make_judge(source: Path, out: Path, videos: int = 24, tests: int = 12, workers: int = 2,
               seed: int = 0) -> Path:  # fmt: skip
    """Write out/micro_spot.json, and out/spotting.json with what rules and judge reach on people held out."""
    same_inputs(out / "made_of.json", {"faces": source.name, "videos": videos, "tests": tests, "seed": seed})
    train, held = part_people(cached_faces(source, out / "faces.npz"), seed)
    made = [drawn_video(train, seed * 10_000 + number) for number in range(videos)]
    with ProcessPoolExecutor(workers) as pool:
        found = list(pool.map(watched, made))
    judge = fitted(found, [video.truth for video in made])
    stored: dict[str, Any] = {"features": FEATURES, "bias": judge.bias, "threshold": judge.threshold}
    stored |= {name: _rounded(getattr(judge, name)) for name in ("mean", "spread", "weights")}
    path = out / "micro_spot.json"
    with whole(path) as part:
        part.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    unseen = [drawn_video(held, seed * 10_000 + 5000 + number) for number in range(tests)]
    scores = {"rules": measured(unseen, None, workers), "judge": measured(unseen, judge, workers)}
    for name, row in scores.items():
        say(f"people held out, {name}: F1 {row['f1']:.3f}, {row['hits']} of {row['true']} found, "
            f"{row['false_a_minute']:.1f} false alarms a minute")  # fmt: skip
    with whole(out / "spotting.json") as part:
        part.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    return path


def _rounded(values: npt.NDArray[np.float64]) -> list[float]:
    return [round(float(value), 6) for value in values]

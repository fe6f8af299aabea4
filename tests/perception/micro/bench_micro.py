"""How fast and how well: recognition a clip beside a plain network, and spotting in made videos.

python -m tests.perception.micro.bench_micro --faces FACES.npz   (FACES.npz: what perception.micro.faces keeps)
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from perception.commands import say
from perception.micro.faces import FaceSet, cached_faces
from perception.micro.flow import dense_flow, encoded
from perception.micro.spot import Spotter, interval_f1, matches
from perception.micro.spot_train import drawn_video
from perception.micro.videos import VideoOptions
from perception.models import load


def spotting(faces: FaceSet, videos: int) -> None:
    """Rules alone and the judge on the same made videos: what is found, what is not, and the time a frame."""
    minutes = videos * VideoOptions().seconds / 60
    for name, judge in (("rules", None), ("judge", load("micro/spot"))):
        hits = found = true = 0
        spent = frames = 0.0
        for number in range(videos):
            video, spotter, events = drawn_video(faces, 900 + number), Spotter(judge=judge), []
            for image, marks, t in video.frames():
                start = time.process_time()
                events += spotter.add(image, marks, t)
                spent += time.process_time() - start
                frames += 1
            events += spotter.finish()
            hits += len(matches([(event.onset_s, event.offset_s) for event in events], video.truth))
            found, true = found + len(events), true + len(video.truth)
        say(f"{name}: F1 {interval_f1(hits, found, true):.3f}, {hits} of {true} found, "
            f"{(found - hits) / minutes:.1f} false alarms a minute, {1000 * spent / frames:.2f} ms")  # fmt: skip


def recognition() -> None:
    import torch

    from perception.micro.network import NetworkOptions, network_of
    from perception.micro.predictor import MicroPredictor
    from perception.micro.train import export

    torch.set_num_threads(1)
    plain_path = Path(tempfile.mkdtemp()) / "ststnet.onnx"
    export([network_of(NetworkOptions(kind="ststnet")).eval()], plain_path)
    rng = np.random.default_rng(0)
    pictures = [cv2.GaussianBlur(rng.integers(0, 255, (112, 112)).astype(np.uint8), (0, 0), 2) for _ in range(2)]
    models = {"micro/small": load("micro/small"), "ststnet": MicroPredictor(plain_path, "ststnet")}
    for name, model in models.items():
        start = time.process_time()
        for _ in range(50):
            flow = dense_flow(pictures[0], pictures[1])
        middle = time.process_time()
        for _ in range(50):
            model.predict(encoded(flow)[None])
        end = time.process_time()
        say(f"{name}: flow {(middle - start) * 20:.2f} ms, recognition {(end - middle) * 20:.2f} ms a clip")
    plain_path.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--videos", type=int, default=4)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    recognition()
    spotting(cached_faces(given.faces, given.faces), given.videos)

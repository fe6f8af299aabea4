"""The challenge's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perception.expression.data import FaceSet, read_cexpr
from perception.expression.labels import compound_from
from perception.expression.predictor import Expressions
from perception.expression.submit import HEADER, smoothed, submit_cexpr
from tests.perception.expression import layouts


class ByBrightness:
    """Reads a class off a picture's mean, so that the expected rows are known."""

    def __init__(self) -> None:
        self.seen = 0

    def predict(self, crops: list[np.ndarray]) -> Expressions:
        self.seen += len(crops)
        basic = np.eye(7, dtype=np.float32)[[int(crop.mean() > 128) + 5 for crop in crops]]
        nothing = np.zeros(len(crops), np.float32)
        return Expressions(basic, compound_from(basic), nothing, nothing, basic)


@pytest.fixture
def frames(tmp_path: Path) -> FaceSet:
    return read_cexpr(layouts.cexpr(tmp_path / "frames"))


def test_the_header_is_the_challenges() -> None:
    assert ",".join(HEADER) == (
        "image_location,Fearfully_Surprised,Happily_Surprised,Sadly_Surprised,Disgustedly_Surprised,"
        "Angrily_Surprised,Sadly_Fearful,Sadly_Angry"
    )


def test_rows_follow_the_template(frames: FaceSet, tmp_path: Path) -> None:
    template = tmp_path / "CER.txt"
    template.write_text(",".join(HEADER) + "\n02/00003.jpg,\n01/00001.jpg,\n", encoding="utf-8")
    out = tmp_path / "predictions.txt"
    assert submit_cexpr(ByBrightness(), frames, out, template) == 2  # type: ignore[arg-type]
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(HEADER)
    assert [line.split(",")[0] for line in lines[1:]] == ["02/00003.jpg", "01/00001.jpg"]
    assert all(line.split(",")[1] in "0123456" for line in lines[1:])


def test_a_frame_that_is_missing_is_no_guess(frames: FaceSet, tmp_path: Path) -> None:
    template = tmp_path / "CER.txt"
    template.write_text(",".join(HEADER) + "\n03/00001.jpg,\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="03/00001"):
        submit_cexpr(ByBrightness(), frames, tmp_path / "out.txt", template)  # type: ignore[arg-type]
    assert not (tmp_path / "out.txt").exists()


def test_smoothing_averages_neighbours_and_keeps_the_ends() -> None:
    values = np.eye(7)[[0, 0, 1, 0, 0]]
    assert smoothed(values, 0) == pytest.approx(values)
    assert smoothed(values, 1)[2, 1] == pytest.approx(1 / 3) and smoothed(values, 1)[0, 0] == 1

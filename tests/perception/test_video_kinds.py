"""Videos and photos as people have them: interlaced, turned, with oblong pixels, odd names and uneven times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Photo

from perception.files import is_clutter
from perception.pipeline import see
from perception.types import Image
from perception.video import VIDEO_SUFFIXES, count_frames, decode_video, read_ahead, read_video
from tests.perception.videos import encode, halves, turned

INTERLACED = {"flags": "+ilme+ildct", "x264-params": "tff=1"}


@pytest.mark.parametrize(("name", "codec", "options"), [
    ("h264.mp4", "libx264", INTERLACED),
    ("h264_bottom_first.mkv", "libx264", {"flags": "+ilme+ildct", "x264-params": "bff=1"}),
    ("mpeg2.mpg", "mpeg2video", {"flags": "+ilme+ildct"}),
    ("mpeg4.avi", "mpeg4", {"flags": "+ilme+ildct"}),
])  # fmt: skip
def test_interlaced_video_is_neither_black_nor_combed(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    pictures = [np.roll(halves(), 2 * i, axis=1) for i in range(8)]
    path = encode(tmp_path / name, pictures, codec, options=options)
    frames = list(read_video(path))
    assert len(frames) == 8 and [frame.index for frame in frames] == list(range(8))
    assert np.all(np.diff([frame.t_s for frame in frames]) > 0)
    for frame, picture in zip(frames[1:-1], pictures[1:-1], strict=True):
        assert abs(float(frame.image.mean()) - float(picture.mean())) < 12
        lines = frame.image[20:60, :, 0].astype(float)
        assert np.abs(np.diff(lines, axis=0)).mean() < 8, "neighbouring lines show the same moment"


def test_a_camcorders_tape_in_its_own_container_is_read(tmp_path: Path) -> None:
    """DV, widescreen: interlaced, 720 pixels a line that stand for 1024."""
    pictures = [np.roll(halves(720, 576), 8 * i, axis=1) for i in range(4)]
    path = encode(tmp_path / "tape.dv", pictures, "dvvideo", options={"flags": "+ilme+ildct"}, aspect=Fraction(64, 45))
    assert path.suffix in VIDEO_SUFFIXES and count_frames(path) == 4
    frames = list(read_video(path))
    assert [frame.t_s for frame in frames] == pytest.approx([0.0, 0.04, 0.08, 0.12], abs=1e-3)
    assert frames[1].image.shape == (576, 1024, 3)
    assert np.abs(np.diff(frames[2].image[200:500, :, 0].astype(float), axis=0)).mean() < 8


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_phones_rotation_is_applied(tmp_path: Path, degrees: int) -> None:
    path = turned(encode(tmp_path / "phone.mp4", [halves()] * 3), degrees)
    image = next(read_video(path)).image
    wanted = np.rot90(halves(), -degrees // 90)
    assert image.shape == wanted.shape
    assert np.abs(image.astype(int) - wanted).mean() < 12
    small = next(decode_video(path, 48))
    assert max(small.image.shape[:2]) == 48 and small.scale == 0.5 and small.whole().shape == wanted.shape


@pytest.mark.parametrize(("aspect", "shape"), [
    (Fraction(2), (64, 192)), (Fraction(1, 2), (128, 96)), (Fraction(64, 45), (64, 137)), (Fraction(100), (64, 96)),
])  # fmt: skip
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, shape: tuple[int, int]) -> None:
    path = encode(tmp_path / "anamorphic.mp4", [halves()] * 2, aspect=aspect)
    assert next(read_video(path)).image.shape[:2] == shape


@pytest.mark.parametrize("name", [
    "2024-05-01T12:30:00.mp4", "100%d of it.mp4", "http:clip.mp4", "-clip.mp4", "视频 #1?.mp4", "concat:a|b.mp4",
])  # fmt: skip
def test_a_name_is_a_name_and_no_address(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encode(tmp_path / "plain.mp4", [halves()] * 3).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(list(read_video(name))) == count_frames(name) == 3
    assert len(list(see(name))) == 3


def test_uneven_times_stay_the_files_own(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.5, 0.54, 2.0]
    path = encode(tmp_path / "uneven.mkv", [halves()] * 5, times_s=times)
    assert [frame.t_s for frame in read_video(path)] == pytest.approx(times, abs=2e-3)


def test_a_size_that_changes_in_the_middle_goes_on(tmp_path: Path) -> None:
    parts = [encode(tmp_path / f"{side}.ts", [halves(side, side)] * 4, "mpeg2video") for side in (64, 96)]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    shapes = [frame.image.shape[0] for frame in read_video(both)]
    assert shapes.count(64) >= 3 and shapes.count(96) >= 3


def oriented(picture: Image, tag: int) -> Image:
    """The pixels that a camera stores for an upright `picture` under an EXIF orientation (TIFF 6.0, tag 274)."""
    stored = {
        1: picture, 2: picture[:, ::-1], 3: picture[::-1, ::-1], 4: picture[::-1],
        5: picture.transpose(1, 0, 2), 6: np.rot90(picture), 7: np.rot90(picture, 2).transpose(1, 0, 2),
        8: np.rot90(picture, -1),
    }[tag]  # fmt: skip
    return np.ascontiguousarray(stored)


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".jfif", ".jpe", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("tag", range(1, 9))
def test_a_photo_is_upright_in_all_eight_orientations(tmp_path: Path, tag: int, suffix: str) -> None:
    exif = Photo.Exif()
    exif[274] = tag
    Photo.fromarray(oriented(halves(), tag)).save(tmp_path / f"photo{suffix}", exif=exif)
    image = next(read_video(tmp_path / f"photo{suffix}")).image
    assert image.shape == halves().shape and np.abs(image.astype(int) - halves()).mean() < 12


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16", "1"])
def test_a_photo_of_any_mode_is_read(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        photo = Photo.fromarray((halves()[..., 0].astype(np.uint16)) << 8)
    else:
        photo = Photo.fromarray(halves()).convert(mode)
    path = tmp_path / ("photo.jpg" if mode == "CMYK" else "photo.png")
    photo.save(path)
    image = next(read_video(path)).image
    assert image.shape == (64, 96, 3) and image[2, 2].mean() > image[60, 90].mean()


def test_a_photo_with_a_face_is_one_row(tmp_path: Path, astronaut: Image) -> None:
    exif = Photo.Exif()
    exif[274] = 6
    Photo.fromarray(oriented(astronaut, 6)).save(tmp_path / "phone.jpg", exif=exif)
    (row,) = see(tmp_path / "phone.jpg")
    assert row["success"] == 1 and abs(float(str(row["Roll"]))) < 15


@pytest.mark.parametrize(("name", "clutter"), [
    ("__MACOSX/val/a/._1.jpg", True), ("val/a/._1.jpg", True), (".DS_Store", True), ("val/Thumbs.db", True),
    ("val/.ipynb_checkpoints/1.jpg", True), ("val/a/1.jpg", False), ("./val/a/1.jpg", False), ("a/_1.jpg", False),
])  # fmt: skip
def test_what_systems_leave_in_folders_and_zips_is_clutter(name: str, clutter: bool) -> None:
    assert is_clutter(name) == clutter


def test_reading_ahead_gives_the_same_and_stops_with_its_reader(tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.mp4", [halves()] * 40)
    assert [frame.index for frame in read_ahead(read_video(path))] == list(range(40))
    ahead = read_ahead(read_video(path))
    assert next(ahead).index == 0
    ahead.close()

    with pytest.raises(FileNotFoundError, match="missing"):
        next(read_ahead(read_video(tmp_path / "missing.mp4")))


def test_what_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "sound.wav", np.zeros(8000), 8000)
    with pytest.raises(ValueError, match="sound but no picture"):
        next(read_video(tmp_path / "sound.wav"))
    with pytest.raises(IsADirectoryError, match="folder"):
        next(read_video(tmp_path))
    (tmp_path / "photo.jpg").write_bytes(b"no photo")
    with pytest.raises(ValueError, match=r"photo\.jpg"):
        next(read_video(tmp_path / "photo.jpg"))

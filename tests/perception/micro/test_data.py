"""The index file, the layouts, and what is said about faulty data."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from perception.micro.data import class_of, load_dataset, read_flow, read_index, read_picture
from perception.micro.layouts import casme2, megc2019, read_layout, samm, smic, ststnet
from perception.micro.types import LABELS_5, Clip, Dataset


def index(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "index.csv"
    path.write_text(text, encoding="utf-8")
    return path


def write(path: Path, image: np.ndarray | None = None) -> Path:  # type: ignore[type-arg]
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros((28, 28, 3), np.uint8) if image is None else image
    assert cv2.imwrite(str(path), image[..., ::-1])
    return path


def test_flow_pictures_keep_their_channels_and_labels(tmp_path: Path, small: Dataset) -> None:
    lines = ["subject,clip,label,source,flow"]
    for i, label in enumerate(("0", "happiness", "surprise", "others")):
        write(tmp_path / f"{i}.png", small.flows[i])
        lines.append(f"s{i},c{i},{label},x,{i}.png")
    data = load_dataset(read_index(index(tmp_path, "\n".join(lines))))
    assert (data.flows == small.flows[:3]).all()
    assert data.labels.tolist() == [0, 1, 2]
    assert data.subjects.tolist() == ["x/s0", "x/s1", "x/s2"]


@pytest.mark.parametrize(("line", "message"), [
    ("s,c,positive,,,v.mp4,9,4,12", "onset 9, apex 4, offset 12"),
    ("s,c,positive,,,v.mp4,4,4,4", "one frame holds no motion"),
    ("s,c,positive,,,v.mp4,a,4,4", "frame numbers"),
    ("s,c,positive,,,,a.png,a.png,", "a clip of one frame"),
    ("s,c,positive,,,,,,", "give one of"),
    (",c,positive,,f.png,,,,", "may not be empty"),
])  # fmt: skip
def test_faulty_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = index(tmp_path, f"subject,clip,label,source,flow,video,onset,apex,offset\n{line}\n")
    with pytest.raises(ValueError, match=message) as raised:
        read_index(path)
    assert "line 2" in str(raised.value)


def test_missing_columns_files_and_damaged_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"column\(s\) label"):
        read_index(index(tmp_path, "subject,clip\na,b\n"))
    with pytest.raises(FileNotFoundError, match="no such picture"):
        read_picture(tmp_path / "none.png")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG damaged")
    with pytest.raises(ValueError, match="damaged"):
        read_picture(tmp_path / "bad.png")
    np.save(tmp_path / "bad.npy", np.zeros(5))
    with pytest.raises(ValueError, match="a flow array is"):
        read_flow(tmp_path / "bad.npy")


def test_a_video_that_ends_before_the_apex_says_so(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 64))
    for _ in range(5):
        writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    clip = Clip("s", "c", "positive", video=tmp_path / "v.avi", frames=(2, 40, 60))
    with pytest.raises(ValueError, match="another frame rate"):
        load_dataset([clip])


def test_labels_follow_the_composite() -> None:
    assert class_of("disgust", "casme2") == "negative"
    assert class_of("fear", "casme2") is None
    assert class_of("fear", "samm") == "negative"
    assert class_of("repression", "casme2", LABELS_5) == "repression"
    with pytest.raises(ValueError, match="'joy' is unknown"):
        class_of("joy")


def test_casme2_rows_are_mended(tmp_path: Path) -> None:
    rows = [
        "Subject,Filename,,OnsetFrame,ApexFrame,OffsetFrame,,Action Units,Estimated Emotion",
        "1,EP02_01f,,46,59,86,,12,happiness",
        "9,EP02_02f,,1,2,3,,4,",
        "3,EP01_2,,10,/,20,,4,disgust",
    ]
    (tmp_path / "CASME2-coding-20140508.csv").write_text("\n".join(rows), encoding="utf-8")
    clips = casme2(tmp_path)
    assert [clip.subject for clip in clips] == ["casme2/sub01", "casme2/sub03"]
    assert clips[0].pictures and clips[0].pictures[1] == tmp_path / "CASME2_RAW_selected/sub01/EP02_01f/img59.jpg"
    assert clips[1].pictures and clips[1].pictures[1].name == "img15.jpg"


def test_what_a_mac_leaves_in_folders_of_clips_is_neither_clip_nor_picture(tmp_path: Path) -> None:
    for frame in (100, 105, 110):
        write(tmp_path / f"samm/006/006_1_2/006_{frame:05d}.jpg")
        (tmp_path / f"samm/006/006_1_2/._006_{frame:05d}.jpg").write_bytes(b"no picture")
    rows = ["x"] * 13 + ["Subject,..."] + ["6,006_1_2,c,100,105,110,,Micro,12,Happiness"]
    (tmp_path / "samm/SAMM_Micro_FACS_Codes_v2.csv").write_text("\n".join(rows), encoding="utf-8")
    clip_folder = tmp_path / "smic/HS/s01/micro/positive/s01_po_01"
    for i in range(3):
        write(clip_folder / f"image{i}.bmp")
        (clip_folder / f"._image{i}.bmp").write_bytes(b"no picture")
    (clip_folder.parent / "._s01_po_01").write_bytes(b"no folder")
    (clip_folder.parent / ".DS_Store").write_bytes(b"no folder")
    write(tmp_path / "flows/sub05/u_test/2/EP03.png")
    (tmp_path / "flows/sub05/u_test/2/._EP03.png").write_bytes(b"no picture")
    for read, names in ((samm, ["006_00100.jpg", "006_00105.jpg"]), (smic, ["image0.bmp", "image1.bmp"])):
        (clip,) = read(tmp_path / read.__name__)
        assert clip.pictures and [picture.name for picture in clip.pictures] == names
    (clip,) = ststnet(tmp_path / "flows")
    assert clip.name == "EP03"


def test_samm_smic_and_flow_folders(tmp_path: Path) -> None:
    for frame in (100, 105, 110):
        write(tmp_path / f"samm/006/006_1_2/006_{frame:05d}.jpg")
    rows = ["x"] * 13 + ["Subject,..."] + ["6,006_1_2,c,100,105,110,,Micro,12,Happiness"]
    (tmp_path / "samm/SAMM_Micro_FACS_Codes_v2.csv").write_text("\n".join(rows), encoding="utf-8")
    (clip,) = samm(tmp_path / "samm")
    assert (clip.subject, clip.label) == ("samm/006", "happiness")
    for i in range(3):
        write(tmp_path / f"smic/HS/s01/micro/positive/s01_po_01/image{i}.bmp")
    (clip,) = smic(tmp_path / "smic")
    assert clip.label == "positive" and clip.pictures and clip.pictures[1].name == "image1.bmp"
    write(tmp_path / "flows/sub05/u_test/2/EP03.png")
    write(tmp_path / "flows/sub05/u_train/1/other.png")
    (clip,) = ststnet(tmp_path / "flows")
    assert (clip.subject, clip.label, clip.source) == ("casme2/sub05", "surprise", "casme2")
    (tmp_path / "flows/combined_3class_gt.csv").write_text(
        "dataset,subject,filename,class\nsmic,s03,a,2\ncasme2,sub04,EP12_01f,0\n", encoding="utf-8"
    )
    assert [clip.name for clip in megc2019(tmp_path / "flows")] == ["a"]
    with pytest.raises(KeyError, match="choose from casme2"):
        read_layout("none", tmp_path)
    with pytest.raises(ValueError, match="no clip was found"):
        read_layout("smic", tmp_path / "flows")

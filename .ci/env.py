"""Build or find the Python environment of one purpose, outside the clone, and print its interpreter's path.

    python3.11 .ci/env.py run            the light runtime
    python3.11 .ci/env.py test           runtime + training + tests
    python3.11 .ci/env.py run postgres   the light runtime and the extra "postgres"

Environments live in the user's cache folder under a name that holds a hash of the pins, so that clones share them, a
changed pin makes a new one, and a half-built one (no `.ready` file) is never used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
GROUPS = {"run": [], "test": ["train", "research", "cluster", "postgres", "test"]}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def requirements(purpose: str, extras: list[str]) -> tuple[list[str], list[str], list[str]]:
    """What to install, what to install without dependencies, and what to remove again."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    optional = project["project"]["optional-dependencies"]
    wanted = list(project["project"]["dependencies"])
    for extra in [*GROUPS[purpose], *extras]:
        if extra not in optional:
            raise SystemExit(f"env: no extra named {extra!r}; choose from {', '.join(sorted(optional))}")
        wanted += optional[extra]
    return wanted, project["tool"]["env"]["no-deps"], project["tool"]["env"]["drop"]


def build(folder: Path, wanted: list[str], no_deps: list[str], drop: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    quiet = ["--progress-bar", "off", "-q"]
    say("env: [1/3] installing the packages (a few minutes the first time) ...")
    # One command, with torch's pin among the constraints: a second command would replace the CPU build of torch.
    subprocess.run([*pip, "install", *quiet, "-c", str(CONSTRAINTS), *wanted], check=True, stdout=sys.stderr)
    say("env: [2/3] installing " + ", ".join(no_deps) + " ...")
    subprocess.run([*pip, "install", *quiet, "--no-deps", *no_deps], check=True, stdout=sys.stderr)
    subprocess.run([*pip, "uninstall", "-q", "-y", *drop], check=False, stdout=sys.stderr, stderr=subprocess.DEVNULL)
    say("env: [3/3] compiling ...")
    subprocess.run([python, "-m", "compileall", "-qq", "-j", "0", str(folder / "lib")], check=False, stdout=sys.stderr)
    (folder / ".ready").touch()


def main(arguments: list[str]) -> int:
    if sys.version_info[:2] != (3, 11):
        say(
            f"env: Python 3.11 is needed, this is {sys.version.split()[0]}. Next step: install python3.11 and run "
            "`make PYTHON=python3.11 ...`"
        )
        return 2
    if not arguments or arguments[0] not in GROUPS:
        say(f"env: name a purpose: {', '.join(GROUPS)}")
        return 2
    purpose, extras = arguments[0], arguments[1:]
    wanted, no_deps, drop = requirements(purpose, extras)
    pins = "\n".join([sys.version, *wanted, *no_deps, *drop, CONSTRAINTS.read_text(encoding="utf-8")])
    key = hashlib.sha256(pins.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "beside"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / "-".join(["env", purpose, *extras, key])
    with (cache / f"{folder.name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two clones may ask at once
        if not (folder / ".ready").exists():
            say(f"env: building the environment '{purpose}' in {folder}")
            try:
                build(folder, wanted, no_deps, drop)
            except subprocess.CalledProcessError as error:
                say(
                    f"env: this step failed (exit {error.returncode}): {' '.join(map(str, error.cmd[:6]))} ... "
                    "Next step: read pip's message above, check the way to your package index, and try again."
                )
                return 1
    print(folder / "bin" / "python")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

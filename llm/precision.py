"""Which number format this machine computes fast: bfloat16 where the hardware multiplies it, float32 elsewhere.

A processor that lacks the instructions emulates bfloat16, 16 times (convolution) to 78 times (linear layer) slower than
float32, measured on two cores with AVX2. Torch says nothing about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Flags of /proc/cpuinfo that stand for matrix products in bfloat16: x86 (AVX-512, AMX) and Arm.
FAST_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Precision:
    """`bfloat16`: whether to compute in it. `why` is one sentence for the person."""

    bfloat16: bool
    why: str

    @property
    def dtype(self) -> str:
        """ "bfloat16" or "float32"."""
        return "bfloat16" if self.bfloat16 else "float32"


def cpu_precision(cpuinfo: Path = CPUINFO) -> Precision:
    """What the processor does well, by the flags that its kernel lists; float32 where they cannot be read."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return Precision(False, "computing in float32: this system does not list what its processor can do")
    flags = {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.split()}
    found = sorted(flags & FAST_BFLOAT16)
    if found:
        return Precision(True, f"computing in bfloat16: the processor multiplies it in hardware ({', '.join(found)})")
    return Precision(False, "computing in float32: this processor would emulate bfloat16, many times slower")


def on_this_machine() -> Precision:
    """`cpu_precision`, or the GPU's where torch sees one."""
    import torch

    if not torch.cuda.is_available():
        return cpu_precision()
    if torch.cuda.get_device_capability() >= (8, 0):
        return Precision(True, "computing in bfloat16: the GPU multiplies it in hardware")
    return Precision(False, "computing in float32: this GPU has no bfloat16 arithmetic")

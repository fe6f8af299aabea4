"""The number format in which networks are trained here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

#: What Linux calls the instructions that multiply bfloat16 natively: AVX-512 BF16, AMX (x86), BF16 (ARMv8.6).
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def training_precision(cuda: bool = False) -> Literal["bf16", "no"]:
    """bfloat16 where the hardware multiplies it, else float32 ("no"): emulated, bfloat16 is 16 to 78 times slower
    (measured on AVX2). `cuda`: the training runs on an NVIDIA card."""
    return "bf16" if cuda or BF16_FLAGS & processor_flags() else "no"


@cache
def processor_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The instruction sets that the processor names; none where the system does not say."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(flags.partition(":")[2].split())

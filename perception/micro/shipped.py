"""How `micro/small` is made: neutral faces, synthetic clips, two networks, one ONNX file, and its scores; and how far a
network goes beyond the generators that it was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from perception.commands import say
from perception.files import whole
from perception.micro.faces import FaceSet, cached_faces
from perception.micro.network import NetworkOptions
from perception.micro.predictor import MicroPredictor
from perception.micro.protocol import score
from perception.micro.recipes import network_predict
from perception.micro.same import same_inputs
from perception.micro.start import save_start
from perception.micro.synthesis import FAMILIES, GENERATORS, make_corpus
from perception.micro.train import TrainOptions, export, train_network
from perception.micro.types import Dataset, joined

#: What is taken away from the network, each by itself, beside the whole one and a plain one of the STSTNet kind.
ABLATIONS: dict[str, TrainOptions] = {
    "whole": TrainOptions(),
    "no_magnification": TrainOptions(network=NetworkOptions(magnify=False)),
    "fixed_factors": TrainOptions(network=NetworkOptions(learn_alpha=False)),
    "dense": TrainOptions(network=NetworkOptions(ratios=(0.0, 0.0)), sparse=False),
    "plain": TrainOptions(network=NetworkOptions(kind="ststnet")),
}
#: The share of people held out, and the clips made of them by each generator.
HELD_OUT, HELD_OUT_CLIPS = 0.18, 900


def part_people(faces: FaceSet, seed: int) -> tuple[FaceSet, FaceSet]:
    """The faces to train on and those held out; nobody is in both."""
    people = sorted(set(faces.people.tolist()))
    np.random.default_rng(seed).shuffle(people)
    cut = max(1, round(HELD_OUT * len(people)))
    return faces.of(frozenset(people[cut:])), faces.of(frozenset(people[:cut]))


def _corpus(path: Path, make: Callable[[], Dataset]) -> Dataset:
    fields = ("flows", "labels", "subjects", "sources")
    if not path.is_file():
        made = make()
        with whole(path) as part:
            np.savez_compressed(part, **{name: getattr(made, name) for name in fields})
    with np.load(path) as stored:
        return Dataset(stored["flows"], stored["labels"], stored["subjects"], stored["sources"])


def make_shipped(source: Path, out: Path, clips: int = 12000, epochs: int = 9, networks: int = 2, workers: int = 2,
                 seed: int = 0) -> Path:  # fmt: skip
    """Train on synthetic clips of the faces in `source` and write out/micro_small.onnx, out/micro_small_start.npz and
    out/synthetic.json (scores on held-out people, by the same generator and by one that was not trained on). Each step
    is kept in `out` and not done again; a split of other people would make the held-out ones known, so other faces or
    numbers raise ValueError there."""
    same_inputs(out / "made_of.json", {"faces": source.name, "clips": clips, "epochs": epochs, "seed": seed})
    train, held = part_people(cached_faces(source, out / "faces.npz"), seed)
    corpus = _corpus(out / "corpus.npz", lambda: make_corpus(train, clips, GENERATORS["varied"], seed + 1, workers))
    made: list[torch.nn.Module] = []
    for number in range(networks):
        folder = out / f"network_{number}"
        folder.mkdir(exist_ok=True)
        made.append(train_network(corpus, replace(TrainOptions(epochs=epochs), seed=seed + number), folder))
    path = out / "micro_small.onnx"
    export(made, path)
    save_start(made, out / "micro_small_start.npz")
    predictor, scores = MicroPredictor(path, "micro/small"), {}
    for name, config in GENERATORS.items():
        test = _corpus(out / f"held_{name}.npz", partial(make_corpus, held, HELD_OUT_CLIPS, config, seed + 77, workers))
        found = score(test, predictor.predict(test.flows).argmax(axis=1))
        scores[name] = {"uf1": found.uf1, "uar": found.uar, "interval": found.uf1_interval, "f1": found.f1}
        say(f"held-out people, generator {name}: UF1 {found.uf1:.3f} {found.uf1_interval}, UAR {found.uar:.3f}")
    with whole(out / "synthetic.json") as part:
        part.write_text(json.dumps(scores, indent=1), encoding="utf-8")
    return path


def _families(source: Path, out: Path, clips: int, workers: int,
              seed: int) -> tuple[dict[str, Dataset], dict[str, Dataset]]:  # fmt: skip
    """Corpora of each family of generators: `clips` of the people to train on, and those of the people held out."""
    train, held = part_people(cached_faces(source, out / "faces.npz"), seed)
    tests = {name: _corpus(out / f"held_{name}.npz",
                           partial(make_corpus, held, HELD_OUT_CLIPS, GENERATORS[name], seed + 77, workers))
             for name in FAMILIES}  # fmt: skip
    corpora = {name: _corpus(out / f"train_{name}.npz",
                             partial(make_corpus, train, clips, GENERATORS[name], seed + 11, workers))
               for name in FAMILIES}  # fmt: skip
    return corpora, tests


def ablate(source: Path, out: Path, clips: int = 5000, epochs: int = 8, workers: int = 2,
           seed: int = 0) -> dict[str, dict[str, float]]:  # fmt: skip
    """What each part of the network is worth: each of ABLATIONS trained on `clips` clips of every family, and UF1 on
    the held-out people of each. Ablation -> family -> UF1; written to out/ablations.json. Each step is kept in `out`,
    which may be the folder of `across_generators`, and not done again."""
    same_inputs(out / "made_of.json", {"faces": source.name, "clips": clips, "epochs": epochs, "seed": seed})
    corpora, tests = _families(source, out, clips, workers, seed)
    data, found = joined([corpora[name] for name in FAMILIES]), {}
    for ablation, options in ABLATIONS.items():
        folder = out / f"ablation_{ablation}"
        folder.mkdir(exist_ok=True)
        network = train_network(data, replace(options, epochs=epochs, seed=seed), folder)
        found[ablation] = {
            name: score(test, network_predict(network, test.flows).argmax(axis=1)).uf1 for name, test in tests.items()
        }
        say(f"{ablation}: " + ", ".join(f"{name} {uf1:.3f}" for name, uf1 in found[ablation].items()))
    with whole(out / "ablations.json") as part:
        part.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def across_generators(source: Path, out: Path, clips: int = 5000, epochs: int = 8, workers: int = 2,
                      seed: int = 0) -> dict[str, dict[str, float]]:  # fmt: skip
    """What a network makes of movement from a source that it never saw: for each family of generators, one trained on
    `clips` clips of each other family, and on the held-out people of all. Family left out -> family tested -> UF1;
    written to out/generators.json. Each step is kept in `out` and not done again."""
    same_inputs(out / "made_of.json", {"faces": source.name, "clips": clips, "epochs": epochs, "seed": seed})
    corpora, tests = _families(source, out, clips, workers, seed)
    found: dict[str, dict[str, float]] = {}
    for left_out in FAMILIES:
        folder = out / f"without_{left_out}"
        folder.mkdir(exist_ok=True)
        data = joined([corpora[name] for name in FAMILIES if name != left_out])
        network = train_network(data, replace(TrainOptions(epochs=epochs), seed=seed), folder)
        scores = {
            name: score(test, network_predict(network, test.flows).argmax(axis=1)) for name, test in tests.items()
        }
        found[left_out] = {name: scores[name].uf1 for name in FAMILIES}
        say(f"trained without {left_out}: UF1 on it {scores[left_out].uf1:.3f} {scores[left_out].uf1_interval}")
    with whole(out / "generators.json") as part:
        part.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found

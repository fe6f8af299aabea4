"""Evolutionary search over the magnification factor and the stages' sparsity under a cost budget.

After SparseViT's recipe (arXiv 2303.17605) with AMMSM's factor as one more gene: a network trained with random
sparsity is evaluated without retraining. It receives training clips only and scores on subjects held out of those.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from perception.files import whole
from perception.micro.flow import SIDE_PX
from perception.micro.network import Ammsm, NetworkOptions, options_of
from perception.micro.protocol import confusion_of, f1_of, inner_folds
from perception.micro.recipes import network_predict
from perception.micro.same import same_inputs
from perception.micro.start import load_start
from perception.micro.train import TrainOptions, train_network
from perception.micro.types import Dataset, FlowImages, Probabilities

Progress = Callable[[int, "Genes", float], None]

ALPHAS = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0)
SPARSITIES = tuple(step / 10 for step in range(9))


@dataclass(frozen=True, slots=True, order=True)
class Genes:
    """What is searched: a start value of the factors and the share of windows left out at each stage."""

    alpha: float
    first: float
    second: float

    def key(self) -> str:
        return f"{self.alpha:g}/{self.first:g}/{self.second:g}"


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """`budget` is the largest cost allowed, as a share of the dense network's multiplications in its blocks."""

    population: int = 16
    generations: int = 5
    parents: int = 4
    mutation: float = 0.2
    budget: float = 0.8
    warm_epochs: int = 10
    seed: int = 0


def cost_of(genes: Genes, options: NetworkOptions) -> float:
    """Multiplications of the blocks relative to dense ones: tokens kept times the width squared, a stage."""
    sizes = ((SIDE_PX // 2) ** 2, (SIDE_PX // 4) ** 2)
    widths = (options.width, 2 * options.width)
    dense = [size * width**2 * depth for size, width, depth in zip(sizes, widths, options.depths, strict=True)]
    kept = [part * (1 - ratio) for part, ratio in zip(dense, (genes.first, genes.second), strict=True)]
    return sum(kept) / sum(dense)


def with_genes(network: nn.Module, genes: Genes) -> nn.Module:
    """The same network with these genes. In place. Raises ValueError for a network without them."""
    if not isinstance(network, Ammsm):
        raise ValueError(f"a {type(network).__name__} has no magnification factor and no windows to leave out")
    network.first.ratio, network.second.ratio = genes.first, genes.second
    with torch.no_grad():
        centred = network.alpha.log_alpha - network.alpha.log_alpha.mean()
        network.alpha.log_alpha.copy_(centred + float(np.log2(genes.alpha)))
    return network


def _random(rng: random.Random) -> Genes:
    return Genes(rng.choice(ALPHAS), rng.choice(SPARSITIES), rng.choice(SPARSITIES))


def _mutated(parents: list[Genes], rate: float, rng: random.Random) -> Genes:
    genes, fresh = rng.choice(parents), _random(rng)
    return Genes(*(new if rng.random() < rate else old for new, old in
                   zip(asdict(fresh).values(), asdict(genes).values(), strict=True)))  # fmt: skip


def _crossed(parents: list[Genes], rng: random.Random) -> Genes:
    one, other = rng.choice(parents), rng.choice(parents)
    return Genes(*(rng.choice(pair) for pair in zip(asdict(one).values(), asdict(other).values(), strict=True)))


def evolve(fitness: Callable[[Genes], float], options: SearchOptions, network: NetworkOptions,
           cache: dict[str, float] | None = None, progress: Progress | None = None) -> Genes:  # fmt: skip
    """The fittest genes within the budget. `cache` (genes' key -> fitness) is read and filled: a broken-off search goes
    on from it. Half of each generation are mutations, half crossings of the parents."""
    rng, known = random.Random(options.seed), {} if cache is None else cache

    def fit(genes: Genes) -> float:
        if genes.key() not in known:
            known[genes.key()] = fitness(genes)
        return known[genes.key()]

    def allowed(make: Callable[[], Genes]) -> Genes:
        for _ in range(200):
            if cost_of(genes := make(), network) <= options.budget:
                return genes
        raise ValueError(f"the budget {options.budget} leaves no choice; raise it (at most 1)")

    population = [allowed(lambda: _random(rng)) for _ in range(options.population)]
    for generation in range(options.generations):
        best = sorted(set(population), key=lambda genes: (-fit(genes), genes))[: options.parents]
        if progress is not None:
            progress(generation + 1, best[0], fit(best[0]))
        half = (options.population - len(best)) // 2
        rest = options.population - len(best) - half
        mutated = partial(_mutated, best, options.mutation, rng)
        population = best + [allowed(mutated) for _ in range(half)]
        population += [allowed(partial(_crossed, best, rng)) for _ in range(rest)]
    return min(set(population), key=lambda genes: (-fit(genes), genes))


def search(train: Dataset, options: SearchOptions, out: Path | None = None,
           progress: Progress | None = None) -> Genes:  # fmt: skip
    """The best genes on subjects held out of `train`. `out` is a folder where evaluations are kept (search.json).
    Raises ValueError where it holds those of other clips or options."""
    kept = None if out is None else out / "search.json"
    if out is not None:
        same_inputs(out / "search_of.json",
                    {"data": train.digest, "seed": options.seed, "warm_epochs": options.warm_epochs})  # fmt: skip
    cache = json.loads(kept.read_text(encoding="utf-8")) if kept is not None and kept.is_file() else {}
    fit_rows, held_rows = next(inner_folds(train, 4, options.seed))
    start = load_start(classes=len(train.names))[0]
    warm = train_network(train.where(fit_rows), replace(_options(start, options), sparse=True), start=start, quiet=True)
    held = train.where(held_rows)

    def fitness(genes: Genes) -> float:
        answers = network_predict(with_genes(warm, genes), held.flows).argmax(axis=1)
        found = float(f1_of(confusion_of(held.labels, answers, len(held.names))).mean())
        if kept is not None:
            with whole(kept) as part:
                part.write_text(json.dumps(cache | {genes.key(): found}), encoding="utf-8")
        return found

    return evolve(fitness, options, options_of(start), cache, progress)


def _options(start: nn.Module, options: SearchOptions) -> TrainOptions:
    return TrainOptions(network=options_of(start), epochs=options.warm_epochs, rate=5e-4, batch=32, seed=options.seed,
                        magnify_weight=0.3)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SearchRecipe:
    """A recipe for `protocol`: search inside the training subjects, then fine-tune with what was found."""

    options: SearchOptions = SearchOptions()

    def __call__(self, train: Dataset, seed: int) -> Callable[[FlowImages], Probabilities]:
        options = replace(self.options, seed=seed)
        genes = search(train, options)
        start = with_genes(load_start(classes=len(train.names))[0], genes)
        tuned = replace(options_of(start), ratios=(genes.first, genes.second))
        network = train_network(train, replace(_options(start, options), network=tuned, sparse=False), start=start,
                                quiet=True)  # fmt: skip
        return lambda flows: network_predict(network, flows)

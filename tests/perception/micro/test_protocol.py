"""Leave one subject out: nothing of the test subject reaches a recipe; scores, transfer, resumption, search."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perception.micro.network import NetworkOptions
from perception.micro.protocol import Predict, inner_folds, leave_one_subject_out, report, score, split, transfer
from perception.micro.search import Genes, SearchOptions, cost_of, evolve, search
from perception.micro.types import Dataset, FlowImages, Probabilities


class Spy:
    """A recipe that keeps all that it is given, and answers with the mean colour of a flow."""

    def __init__(self) -> None:
        self.seen: list[Dataset] = []
        self.asked: list[FlowImages] = []

    def __call__(self, train: Dataset, seed: int) -> Predict:
        self.seen.append(train)
        share = np.bincount(train.labels, minlength=3) / len(train)

        def predict(flows: FlowImages) -> Probabilities:
            self.asked.append(flows)
            values = flows.reshape(len(flows), -1, 3).mean(axis=1) / 255 + share
            return np.asarray(values / values.sum(axis=1, keepdims=True))

        return predict


def sourced(data: Dataset) -> Dataset:
    names = sorted(set(data.subjects))
    return replace(data, sources=np.array(["ab"[names.index(name) % 2] for name in data.subjects]))


def test_a_recipe_never_receives_the_test_subject(small: Dataset) -> None:
    spy = Spy()
    leave_one_subject_out(small, spy)
    people = sorted(set(small.subjects))
    assert len(spy.seen) == len(spy.asked) == len(people)
    for subject, train, flows in zip(people, spy.seen, spy.asked, strict=True):
        assert subject not in train.subjects
        assert len(train) + len(flows) == len(small)
        for flow in flows:  # no copy of a test clip is in the training arrays, under any name
            assert not (train.flows == flow).all(axis=(1, 2, 3)).any()


def test_a_subjects_own_labels_cannot_change_its_answers(small: Dataset) -> None:
    subject = str(small.subjects[0])
    own = small.subjects == subject
    wrong = replace(small, labels=np.where(own, (small.labels + 1) % 3, small.labels))
    before, after = leave_one_subject_out(small, Spy()), leave_one_subject_out(wrong, Spy())
    assert (before[own] == after[own]).all()
    assert not (before[~own] == after[~own]).all()  # they are training labels for the others


def test_inner_folds_share_no_subject(small: Dataset) -> None:
    seen = 0
    for fit, held in inner_folds(small, 4, seed=0):
        assert not set(small.subjects[fit]) & set(small.subjects[held])
        seen += len(held)
    assert seen == len(small)


def test_a_broken_off_run_goes_on(small: Dataset, tmp_path: Path) -> None:
    whole = leave_one_subject_out(small, Spy(), tmp_path)
    kept = sorted(tmp_path.glob("fold_*.json"))
    for path in kept[:3]:
        path.unlink()
    spy = Spy()
    assert (leave_one_subject_out(small, spy, tmp_path) == whole).all()
    assert len(spy.seen) == 3
    with pytest.raises(ValueError, match="of other data"):
        leave_one_subject_out(small.where(np.arange(len(small)) != 0), Spy(), tmp_path)
    with pytest.raises(ValueError, match="other-recipe"):
        leave_one_subject_out(small, Spy(), tmp_path, name="other-recipe")
    with pytest.raises(ValueError, match="'seed': 1"):
        leave_one_subject_out(small, Spy(), tmp_path, seed=1)


def test_scores_by_hand() -> None:
    flows, labels = np.zeros((4, 28, 28, 3), np.uint8), np.array([0, 0, 1, 2])
    data = Dataset(flows, labels, np.array(list("aabb")), np.array(["x"] * 4))
    found = score(data, np.array([0, 1, 1, 2]))
    assert found.uf1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found.uar == pytest.approx((0.5 + 1 + 1) / 3)
    assert found.accuracy == 0.75
    assert found.confusion == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert found.uf1_interval[0] <= found.uf1 <= found.uf1_interval[1]


def test_transfer_trains_on_one_source_only(small: Dataset) -> None:
    spy, data = Spy(), sourced(small)
    scores = transfer(data, "a", spy)
    assert set(scores) == {"b"}
    assert set(spy.seen[0].sources) == {"a"}
    with pytest.raises(ValueError, match="needs the source 'c'"):
        transfer(data, "c", spy)
    mixed = replace(data, subjects=np.array(["one"] * len(data)))
    with pytest.raises(ValueError, match="in training and in test"):
        transfer(mixed, "a", Spy())


def test_reports_name_every_source(small: Dataset) -> None:
    data = sourced(small)
    made = report(data, leave_one_subject_out(data, Spy()))
    assert set(made["sources"]) == {"a", "b"}  # type: ignore[arg-type, call-overload]


def test_unknown_and_lonely_subjects_are_refused(small: Dataset) -> None:
    with pytest.raises(ValueError, match="no subject 'nobody'"):
        split(small, "nobody")
    alone = small.where(small.subjects == small.subjects[0])
    with pytest.raises(ValueError, match="two subjects"):
        split(alone, str(small.subjects[0]))


def test_evolution_finds_the_optimum_within_the_budget_and_evaluates_once() -> None:
    network, asked = NetworkOptions(), []

    def fitness(genes: Genes) -> float:
        asked.append(genes)
        return -abs(genes.alpha - 8) - abs(genes.first - 0.4) - abs(genes.second - 0.6)

    options = SearchOptions(population=30, generations=12, parents=6, mutation=0.4, budget=0.8)
    best = evolve(fitness, options, network)
    assert cost_of(best, network) <= 0.8
    assert best.alpha == 8 and abs(best.first - 0.4) + abs(best.second - 0.6) <= 0.3
    assert len(asked) == len(set(asked))
    again: dict[str, float] = {genes.key(): fitness(genes) for genes in set(asked)}
    assert evolve(lambda genes: random.random(), options, network, again) == best  # all from the cache
    with pytest.raises(ValueError, match="leaves no choice"):
        evolve(fitness, SearchOptions(budget=0.01), network)


def test_a_kept_search_is_only_good_for_its_own_clips_and_options(small: Dataset, tmp_path: Path) -> None:
    options = SearchOptions(population=2, generations=1, parents=1, warm_epochs=1)
    first = search(small, options, tmp_path)
    kept = (tmp_path / "search.json").read_text()
    assert search(small, options, tmp_path) == first
    assert (tmp_path / "search.json").read_text() == kept
    with pytest.raises(ValueError, match="of other data"):
        search(small, replace(options, seed=1), tmp_path)
    with pytest.raises(ValueError, match="of other data"):
        search(small.where(np.arange(len(small)) != 0), options, tmp_path)

"""What is fitted beside the network: the weights of runs, and where the thresholds lie. Needs the extra `train`."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from assistant.meaning.grams import BUCKETS, buckets
from assistant.meaning.lines import Line, sentences
from assistant.meaning.train import part

#: Of ordinary messages in any kind, long ones and short ones, at most so many above the threshold; long questions to
#: counsellors tell of dangers now and then, without a word that would have kept them out.
ALARMS = {"long": 0.05, "short": 0.03}
#: A threshold of danger is never below these, chosen on held-out passes and conversations by other writers: what is
#: kept back here is by the writers of what was learned, and quieter; that of a fault, on our own texts, of which at
#: most two in a hundred may be above it.
LEAST = {"en_long": 2.0, "en_short": 1.75, "zh_long": 1.5, "zh_short": 1.5, "fault": 1.4}
MIXED_UP = 0.1  # of dangers that are not severe, so many may be taken for severe
FAULTY = 0.015  # of real sentences of counsellors, in any language, at most so many above the threshold of a fault
PARTS = 2500  # of long ordinary messages, that teach the runs what a quiet sentence is
ORDINARY = 1500
STRENGTH = 10.0  # the inverse of the regression's regularisation
JOINT_STRENGTH = 0.03  # of that of the joint weights: few lines, many outputs


def run_weights(lines: Sequence[Line], ordinary: Sequence[Line], seed: int = 3) -> tuple[NDArray[np.float32], float]:
    """Weights [BUCKETS] and bias of a logistic regression of danger on the runs."""
    rng = random.Random(seed)
    quiet = list(ordinary)
    rng.shuffle(quiet)
    own = [line for line in lines if not line.danger and len(sentences(line.text)) > 3]
    long = own * 3 + [line for line in quiet if len(sentences(line.text)) > 3]
    given = [*lines, *quiet[:ORDINARY], *(part(long, rng) for _ in range(PARTS if long else 0))]
    rows = [buckets(line.text) for line in given]
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    values = np.concatenate([np.full(len(row), 1.0 / np.sqrt(len(row))) for row in rows])
    matrix = csr_matrix((values, np.concatenate(rows), ends), shape=(len(rows), BUCKETS))
    model = LogisticRegression(C=STRENGTH, solver="liblinear", max_iter=200)
    model.fit(matrix, np.array([line.danger for line in given]))
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def joint_weights(said: NDArray[np.float32], danger: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Weights [outputs + 1, the last one the bias] that join what the network and the runs say of a line [lines,
    outputs] to one logit of danger: a logistic regression on lines that neither has learned."""
    mean, spread = said.mean(axis=0), said.std(axis=0) + 1e-3
    model = LogisticRegression(C=JOINT_STRENGTH, max_iter=2000, class_weight="balanced")
    model.fit((said - mean) / spread, danger)
    weights = model.coef_[0] / spread
    return np.append(weights, model.intercept_[0] - weights @ mean).astype(np.float32)


def threshold(quiet: Sequence[NDArray[np.float64]], alarms: float, least: float) -> float:
    """The lowest logit from `least` on that in no group of quiet messages more than `alarms` of them exceed."""
    return max(least, *(float(np.sort(group)[len(group) - 1 - int(alarms * len(group))]) for group in quiet))

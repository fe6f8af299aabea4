"""The learned reader at run time: numpy, ONNX Runtime and one file; no PyTorch. One network answers three questions:
what danger is in a message, what the person does with it, and what is wrong with a sentence of a reply.

A short message is read whole, a long one by windows of its sentences. Runs of characters score every window; the
network reads the highest of them within a budget, so that the time stays bounded for a message of any length. All that
the network says of a window (its danger, but also what the person does, what it is about, what they feel) and the runs'
score are joined by one weight each, and the highest window counts.
"""

from __future__ import annotations

import io
import json
import logging
import threading
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.meaning.base import MAYBE_FROM, TOPIC_FROM, Fault, Meaning, Reading
from assistant.meaning.blocks import unpacked
from assistant.meaning.card import Card, read_card
from assistant.meaning.grams import Grams
from assistant.meaning.outputs import ACTS, ASKING, COUNT, DANGER, FAULTS, FEELINGS, OCCASIONS, TOPICS, part
from assistant.meaning.tokens import Tokens
from assistant.meaning.windows import is_long, language, windows
from perception.session import onnx_session

log = logging.getLogger(__name__)

LONGEST = 128  # pieces that the network reads at once, with the marks of start and end
WIDTH = 384
START, PAD, END, UNKNOWN = 0, 1, 2, 3  # numbers of the special pieces: they are the first ones chosen
NO_ATTENTION = -1e4
NOTHING = -30.0  # the logit of a message without a letter
PIECES = 700  # that the network reads of one message
WINDOWS = 6  # of a long message, read for what the person does
LIKELIEST = 5  # occasions that are named
REQUESTS = np.array([name.startswith(ASKING) for name in OCCASIONS])  # which of them ask for something
ASKING_ACTS = np.array([name.startswith(ASKING) for name in ACTS])
SENTENCE = 400  # characters of a reply's sentence
READ_CHARACTERS = 8000  # of a longer message the first and the last half of this are read

Floats = NDArray[np.float32]


class MeaningReader:
    """Reads one message, or one sentence of a reply. Safe to share between threads."""

    def __init__(self, data: bytes, threads: int = 2) -> None:
        """From the bytes of a reader's file. Raises ValueError when they are none."""
        try:
            with np.load(io.BytesIO(data)) as file:
                parts = {name: file[name] for name in file.files}
            self._blocks: NDArray[np.uint8] = parts["words"]
            pieces = parts["pieces"].tobytes().decode("utf-8").split("\n")
            self._numbers: Mapping[str, float] = json.loads(parts["numbers"].tobytes())
            self._tokens = Tokens(pieces, parts["scores"].astype(np.float32).tolist(), UNKNOWN)
            self._grams = Grams(parts["runs"].astype(np.float32), self._numbers["bias"])
            self._joint = parts["joint"].astype(np.float64)
            if self._joint.shape != (COUNT + 2,):
                raise ValueError(f"the joint weights have the shape {self._joint.shape}; it must be ({COUNT + 2},)")
            network = parts["network"].tobytes()
        except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"this is no file of a reader: {error}") from error
        self._session: Any = onnx_session(network, "the reader's network", threads)
        self._lock = threading.Lock()
        self._last: tuple[list[list[int]], Floats] | None = None  # a message is read for danger, then understood

    def read(self, text: str) -> Reading:
        """The danger in one message."""
        logit, outputs = self.scored(text)
        numbers, found = self._numbers, outputs[part("danger")]
        danger = _sigmoid(logit - numbers[f"{language(text)}_{'long' if is_long(text) else 'short'}_from"])
        kinds = {name: _sigmoid(float(value)) * danger for name, value in zip(DANGER[3:], found[3:], strict=True)}
        grade = sum(map(_sigmoid, map(float, found[:3]))) / 3
        return Reading(danger, _sigmoid(float(found[2]) - numbers["severe_from"]), kinds, grade)

    def understand(self, text: str) -> Meaning:
        """What the person does with one message; of a long one, over all that is read of it."""
        text = _bounded(text)
        if not text.strip():
            return Meaning("telling", 0.0)
        outputs = self.logits([self.pieces(window) for window in windows(text)][:WINDOWS]).astype(np.float64)
        acts, occasions = (_softmax(outputs[:, part(name)]).mean(0) for name in ("act", "occasion"))
        topics, feelings = (outputs[:, part(name)].max(0) for name in ("topics", "feelings"))
        top = int(acts.argmax())
        return Meaning(
            ACTS[top], float(acts[top]), _above(TOPICS, topics), _above(FEELINGS, feelings),
            _above(TOPICS, topics, MAYBE_FROM),
            tuple((OCCASIONS[at], float(occasions[at])) for at in np.argsort(-occasions)[:LIKELIEST]),
            float(acts[ASKING_ACTS].sum() + occasions[REQUESTS].sum()) / 2,
        )  # fmt: skip

    def judge(self, sentence: str) -> Fault:
        """The likeliest fault of one sentence of a reply; a long one is read by its first pieces."""
        if not sentence.strip():
            return Fault(FAULTS[0], 0.0)
        found = self.logits([self.pieces(sentence[:SENTENCE])])[0, part("fault")]
        return Fault(
            FAULTS[int(found[1:].argmax())],
            _sigmoid(float(found[0]) - self._numbers[f"{language(sentence)}_fault_from"]),
        )

    def scored(self, text: str) -> tuple[float, Floats]:
        """The joined logit of danger before its threshold; and what was joined [COUNT + 1], the outputs of network and
        runs, for the window that decided."""
        text = _bounded(text)
        if not text.strip():
            return NOTHING, np.full(COUNT + 1, NOTHING, dtype=np.float32)
        found = windows(text)
        runs = np.array([self._grams.logit(window) for window in found], dtype=np.float32)
        chosen, rows = self._chosen(found, runs)
        said = np.column_stack([self.logits(rows), runs[chosen]])
        joined = said.astype(np.float64) @ self._joint[:-1] + self._joint[-1]
        top = int(joined.argmax())
        return float(joined[top]), said[top]

    def logits(self, rows: Sequence[Sequence[int]]) -> Floats:
        """The network's outputs [rows, COUNT] for rows of pieces with their marks; the same rows are not run twice in
        succession."""
        wanted, last = [list(row) for row in rows], self._last
        if last is not None and last[0] == wanted:
            return last[1].copy()
        made = np.zeros((len(rows), COUNT), dtype=np.float32)
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        for first in range(0, len(order), 8):
            batch = order[first : first + 8]
            length = max(len(rows[at]) for at in batch)
            words = np.zeros((len(batch), length, WIDTH), dtype=np.float32)
            mask = np.full((len(batch), 1, 1, length), NO_ATTENTION, dtype=np.float32)
            for line, at in enumerate(batch):
                words[line] = self.words([*rows[at], *[PAD] * (length - len(rows[at]))])
                mask[line, :, :, : len(rows[at])] = 0.0
            with self._lock:
                made[batch] = self._session.run(None, {"words": words, "mask": mask})[0]
        self._last = (wanted, made)
        return made.copy()

    def words(self, numbers: Sequence[int]) -> Floats:
        """The vectors of pieces [pieces, 384]."""
        return unpacked(self._blocks[np.asarray(numbers)], WIDTH)

    def pieces(self, text: str) -> list[int]:
        """The numbers of a window's pieces with the marks of start and end, at most LONGEST."""
        return [START, *self._tokens.numbers(text)[: LONGEST - 2], END]

    def _chosen(self, found: Sequence[str], runs: Floats) -> tuple[list[int], list[list[int]]]:
        """Which windows the network reads, and their rows: by the runs' score, within the budget of pieces."""
        chosen: list[int] = []
        rows: list[list[int]] = []
        left = PIECES
        for at in np.argsort(-runs, kind="stable"):
            row = self.pieces(found[at])
            if rows and left < len(row):
                break
            left -= len(row)
            chosen.append(int(at))
            rows.append(row)
        return chosen, rows


def load_reader(card: Path | None = None) -> MeaningReader | None:
    """The reader that a card names (default: the shipped one), loaded once. None, with one line in the log, when its
    file is missing or is not the one the card was written for."""
    return _loaded(card)


@cache
def _loaded(path: Path | None) -> MeaningReader | None:
    try:
        card: Card = read_card(path)
        data = card.file.read_bytes()
        found = sha256(data).hexdigest()
        if found != card.sha256:
            raise ValueError(f"{card.file.name} has the checksum {found[:12]}..., its card says {card.sha256[:12]}...")
        return MeaningReader(data)
    except (OSError, ValueError) as error:
        log.warning("the reader of meaning is not used, the rules read alone: %s", error)
        return None


def _bounded(text: str) -> str:
    if len(text) <= READ_CHARACTERS:
        return text
    return text[: READ_CHARACTERS // 2] + "\n" + text[-READ_CHARACTERS // 2 :]


def _sigmoid(logit: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(logit, -40.0, 40.0))))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _above(names: Sequence[str], logits: NDArray[np.float64], least: float = TOPIC_FROM) -> tuple[str, ...]:
    order = np.argsort(-logits, kind="stable")
    return tuple(names[at] for at in order if _sigmoid(float(logits[at])) >= least)

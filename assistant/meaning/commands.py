"""`python -m assistant train-reader`: train the reader's network, fit its threshold, write its file."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.meaning.card import CARD, read_card
from assistant.meaning.lines import OUTPUTS, SEVERE, Line, read_lines, read_rows
from perception.files import sha256_of

log = logging.getLogger(__name__)

TEXTS = Path(__file__).resolve().parent / "texts"
LOWER, UPPER = 3, 3  # layers of the encoder that stay, and that are trained; the other six are left out
FEWEST = 100  # quiet messages of a kind and a length that a threshold is set on
QUIET_MESSAGES = 300  # of each kind, for the threshold
RUNS = 0.43  # the weight of the runs' logit beside the network's: both then spread alike over quiet messages


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--dialogues", type=Path, required=True, metavar="FOLDER",
        help="holds smilechat.jsonl.xz and counselchat_train.jsonl.xz: real quiet messages",
    )  # fmt: skip
    parser.add_argument("--rows", type=Path, metavar="FOLDER", help="the crisis rules' rows, read as further lines")
    parser.add_argument("--state", type=Path, required=True, help="file to continue from, written after each pass")
    parser.add_argument("--out", type=Path, required=True, help="the reader's file, such as reader.npz")
    parser.add_argument("--passes", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)


def chosen_pieces(shipped: Path, pieces: Sequence[str]) -> NDArray[np.int64]:
    """The rows of an encoder's vocabulary that the shipped reader keeps."""
    with np.load(shipped) as file:
        kept = file["pieces"].tobytes().decode("utf-8").split("\n")
    places = {piece: number for number, piece in enumerate(pieces)}
    return np.array([places[piece] for piece in kept], dtype=np.int64)


def train_reader(options: argparse.Namespace) -> int:
    """Run the command. Returns 0."""
    from assistant.meaning.export import network_bytes, write_reader
    from assistant.meaning.fit import run_weights
    from assistant.meaning.network import filled
    from assistant.meaning.ordinary import ordinary_messages
    from assistant.meaning.source import packed_file, read_encoder
    from assistant.meaning.tokens import Tokens
    from assistant.meaning.train import Plan, train

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    encoder = read_encoder(packed_file())
    chosen = chosen_pieces(read_card(CARD).file, encoder.pieces)
    tokens = Tokens([encoder.pieces[number] for number in chosen], encoder.scores[chosen].tolist(), encoder.unknown)
    lines = read_lines(sorted(TEXTS.glob("*.jsonl")))
    if options.rows:
        lines += read_rows(path for path in sorted(options.rows.glob("*.jsonl")) if path.stem != "conversation")
    ordinary, quiet = ordinary_messages(options.dialogues)
    base, top = filled(encoder, chosen, LOWER, UPPER, len(OUTPUTS))
    train(base, top, tokens, lines, ordinary, options.state, Plan(passes=options.passes, threads=options.threads))
    network, runs = network_bytes(base, top), run_weights(lines, ordinary)
    numbers = {"runs": RUNS, "long_from": 0.0, "short_from": 0.0, "severe_from": 0.0}
    write_reader(options.out, network, encoder, encoder.words[chosen], chosen, runs, numbers)
    numbers = fitted(options.out, quiet, [line for line in lines if line.danger], numbers)
    write_reader(options.out, network, encoder, encoder.words[chosen], chosen, runs, numbers)
    log.info("%s: %s, sha256 %s; put it on the card", options.out, numbers, sha256_of(options.out))
    return 0


def fitted(path: Path, quiet: Sequence[Line], dangers: Sequence[Line], numbers: dict[str, float]) -> dict[str, float]:
    """The numbers of the reader in `path`, with its thresholds: of danger, from real quiet messages of several kinds,
    long and short apart; of severity, from the written dangers that are not severe."""
    from assistant.meaning.fit import MIXED_UP, threshold
    from assistant.meaning.reader import MeaningReader
    from assistant.meaning.windows import is_long

    reader = MeaningReader(path.read_bytes())
    groups: dict[str, list[NDArray[np.float64]]] = {"long_from": [], "short_from": []}
    for kind in sorted({line.kind for line in quiet}):
        for name, group in groups.items():
            texts = [line.text for line in quiet if line.kind == kind and is_long(line.text) == (name == "long_from")]
            if len(texts) >= FEWEST:
                texts = texts[:: max(1, len(texts) // QUIET_MESSAGES)]
                group.append(np.array([reader.scored(text)[0] for text in texts]))
    less = [line.text for line in dangers if line.severity < SEVERE][::3]
    severe = threshold([np.array([float(reader.scored(text)[1][1]) for text in less])], MIXED_UP)
    return {**numbers, **{name: threshold(group) for name, group in groups.items()}, "severe_from": severe}

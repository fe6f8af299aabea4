"""`python -m assistant train-reader`: train the reader's network, fit its threshold, write its file."""

from __future__ import annotations

import argparse
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.meaning.card import CARD, read_card
from assistant.meaning.lines import SEVERE, Line, Said, Sentence, read_lines, read_rows, read_said, read_sentences
from assistant.meaning.outputs import COUNT, part
from llm.precision import cpu_precision
from perception.files import sha256_of

log = logging.getLogger(__name__)

TEXTS = Path(__file__).resolve().parent / "texts"
LOWER, UPPER = 3, 5  # layers of the encoder that stay, and that are trained; the others are left out
#: Of the ordinary conversations, one in so many teaches nothing: half of those serve the joint weights, half the
#: threshold.
TALKS = 6
FEWEST = 100  # quiet messages of a kind and a length that a threshold is set on
LANGUAGES = ("en", "zh")
QUIET_MESSAGES = 600  # of each kind, for the threshold


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--dialogues", type=Path, required=True, metavar="FOLDER",
        help="holds smilechat.jsonl.xz and counselchat_train.jsonl.xz: real quiet messages",
    )  # fmt: skip
    parser.add_argument("--rows", type=Path, metavar="FOLDER", help="the crisis rules' rows, read as further lines")
    parser.add_argument("--state", type=Path, required=True, help="file to continue from, written after each pass")
    parser.add_argument("--out", type=Path, required=True, help="the reader's file, such as reader.npz")
    parser.add_argument("--texts", type=Path, default=TEXTS, help="folder of the written lines (default: %(default)s)")
    parser.add_argument("--lower", type=int, default=LOWER, help="layers that stay (default: %(default)s)")
    parser.add_argument("--upper", type=int, default=UPPER, help="layers that are trained (default: %(default)s)")
    parser.add_argument("--start", type=Path, help="a reader's file whose weights training begins with")
    parser.add_argument("--passes", type=int, default=6)
    parser.add_argument("--rate", type=float, default=2e-4, help="of the layers, at most (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2)


def chosen_pieces(shipped: Path, pieces: Sequence[str]) -> NDArray[np.int64]:
    """The rows of an encoder's vocabulary that the shipped reader keeps."""
    with np.load(shipped) as file:
        kept = file["pieces"].tobytes().decode("utf-8").split("\n")
    places = {piece: number for number, piece in enumerate(pieces)}
    return np.array([places[piece] for piece in kept], dtype=np.int64)


def without_kept_back(said: Sequence[Said]) -> tuple[list[Said], list[Line], list[Line]]:
    """What is said, without the conversations that are kept back; and those, as quiet lines: for the joint weights and
    for the threshold, each conversation in one of them."""
    learned: list[Said] = []
    kept: tuple[list[Line], list[Line]] = ([], [])
    for one in said:
        number = zlib.crc32(one.talk.encode("utf-8"))
        if one.talk and number % TALKS == 0:
            kept[number // TALKS % 2].append(Line(one.text, one.lang, "talk", 0))
        else:
            learned.append(one)
    return learned, *kept


def plain_joint() -> NDArray[np.float32]:
    """Joint weights that take the network's danger as it is and nothing else."""
    joint = np.zeros(COUNT + 2, dtype=np.float32)
    joint[part("danger").start] = 1.0
    return joint


def joined(path: Path, apart: Sequence[Line]) -> NDArray[np.float32]:
    """The joint weights of the reader in `path`, from lines that it has not learned."""
    from assistant.meaning.fit import joint_weights
    from assistant.meaning.reader import MeaningReader

    reader = MeaningReader(path.read_bytes())
    said = np.stack([reader.scored(line.text)[1] for line in apart])
    return joint_weights(said, np.array([line.danger for line in apart]))


def train_reader(options: argparse.Namespace) -> int:
    """Run the command. Returns 0."""
    from assistant.meaning.export import network_bytes, write_reader
    from assistant.meaning.fit import run_weights
    from assistant.meaning.network import filled
    from assistant.meaning.ordinary import ordinary_messages, spoken_sentences
    from assistant.meaning.resumed import take_over
    from assistant.meaning.source import packed_file, read_encoder
    from assistant.meaning.tokens import Tokens
    from assistant.meaning.train import Material, Plan, train

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    encoder = read_encoder(packed_file())
    chosen = chosen_pieces(read_card(CARD).file, encoder.pieces)
    tokens = Tokens([encoder.pieces[number] for number in chosen], encoder.scores[chosen].tolist(), encoder.unknown)
    lines = read_lines(sorted(options.texts.glob("danger/*.jsonl")))
    if options.rows:
        lines += read_rows(path for path in sorted(options.rows.glob("*.jsonl")) if path.stem != "conversation")
    said, calm_turns, quiet_turns = without_kept_back(read_said(sorted(options.texts.glob("acts/*.jsonl"))))
    ordinary, quiet = ordinary_messages(options.dialogues)
    spoken, good = spoken_sentences(options.dialogues)
    sentences = read_sentences(sorted(options.texts.glob("replies/*.jsonl")))
    material = Material(lines, said, sentences, ordinary, spoken)
    base, top = filled(encoder, chosen, options.lower, options.upper, COUNT)
    if options.start:
        with np.load(options.start) as file:
            take_over(file["network"].tobytes(), base, top)
    bfloat16 = cpu_precision().bfloat16
    plan = Plan(passes=options.passes, rate=options.rate, threads=options.threads, bfloat16=bfloat16)
    train(base, top, tokens, material, options.state, plan)
    calm = [Line(one.text, one.lang, "said", 0) for one in said if one.quiet]
    network, runs = network_bytes(base, top), run_weights([*lines, *calm], ordinary)
    numbers = {"severe_from": 0.0}
    numbers |= {f"{lang}_{what}_from": 0.0 for lang in LANGUAGES for what in ("long", "short", "fault")}

    def write(joint: NDArray[np.float32]) -> None:
        write_reader(options.out, network, encoder, encoder.words[chosen], chosen, runs, joint, numbers)

    write(plain_joint())
    apart = [*read_lines(sorted(options.texts.glob("joint/*.jsonl"))), *calm_turns]
    joint = joined(options.out, apart)
    write(joint)
    numbers = fitted(options.out, [*quiet, *quiet_turns], [line for line in lines if line.danger], good, numbers)
    write(joint)
    log.info("%s: %s, sha256 %s; put it on the card", options.out, numbers, sha256_of(options.out))
    return 0


def fitted(path: Path, quiet: Sequence[Line], dangers: Sequence[Line], good: Sequence[Sentence],
           numbers: dict[str, float]) -> dict[str, float]:  # fmt: skip
    """The numbers of the reader in `path`, with its thresholds: of danger, from real quiet messages of several kinds,
    by language, long and short apart; of severity, from the written dangers that are not severe; of a fault, from real
    sentences of counsellors, by language."""
    from assistant.meaning.fit import ALARMS, FAULTY, LEAST, MIXED_UP, threshold
    from assistant.meaning.reader import MeaningReader
    from assistant.meaning.windows import is_long

    reader = MeaningReader(path.read_bytes())
    found = dict(numbers)
    for lang in LANGUAGES:
        for length in ("long", "short"):
            given = [
                line
                for line in quiet
                if (line.lang != "en") == (lang != "en") and is_long(line.text) == (length == "long")
            ]
            kinds = [
                [line.text for line in given if line.kind == kind] for kind in sorted({line.kind for line in given})
            ]
            logits = [
                np.array([reader.scored(text)[0] for text in texts[:: max(1, len(texts) // QUIET_MESSAGES)]])
                for texts in kinds
                if len(texts) >= FEWEST
            ]
            found[f"{lang}_{length}_from"] = threshold(logits, ALARMS[length], LEAST[f"{lang}_{length}"])
        texts = [line.text for line in good if line.lang == lang]
        wrong = np.array([float(reader.logits([reader.pieces(text)])[0, part("fault").start]) for text in texts])
        found[f"{lang}_fault_from"] = threshold([wrong], FAULTY, LEAST["fault"])
    less = [line.text for line in dangers if line.severity < SEVERE][::3]
    severe = np.array([float(reader.scored(text)[1][part("danger")][2]) for text in less])
    return {**found, "severe_from": float(np.quantile(severe, 1.0 - MIXED_UP))}

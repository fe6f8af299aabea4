"""`python -m eval dialogue` and `affect`: shells over this package's functions."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from assistant.meaning import Reader, load_reader
from eval.dialogue.affect import ablate, is_clean
from eval.dialogue.affect import summary_text as affect_text
from eval.dialogue.evaluate import DialogueOptions, Judge, assistant_of, evaluate, summary_text
from eval.dialogue.personas import PERSONAS, TURNS, Client, PlayedClients, ScriptedClients, read_personas
from llm.client.models import load_chat_model
from llm.jobs.types import JobOptions


def client_of(spec: str, seed: int) -> Client:
    """A file of turns, or URL[#MODEL] of a model that plays the persons."""
    if spec.startswith(("http://", "https://")):
        url, _, model = spec.partition("#")
        return PlayedClients(load_chat_model(url, model or None), seed)
    return ScriptedClients(Path(spec))


def judge_of(given: argparse.Namespace) -> Judge | None:
    """The judge of the command line. Raises ValueError for a half-named one."""
    if bool(given.judge) != bool(given.judge_model):
        raise ValueError("a judge is named by both --judge URL and --judge-model NAME")
    if not given.judge:
        return None
    return Judge(given.judge_model, JobOptions(given.judge, os.environ.get("BESIDE_LLM_KEY", ""), given.workers))


def reader_of(given: argparse.Namespace) -> Reader | None:
    return None if given.no_reader else load_reader()


def _dialogue(given: argparse.Namespace) -> int:
    named = dict(_named(spec) for spec in given.assistant)
    options = DialogueOptions(given.turns, given.repeats, given.workers, given.rounds, given.seed)
    reader = reader_of(given)
    result = evaluate(
        read_personas(given.personas), client_of(given.clients, given.seed),
        {name: assistant_of(spec, reader) for name, spec in named.items()}, options, given.out, reader=reader,
        judge=judge_of(given),
    )  # fmt: skip
    print(summary_text(result))  # noqa: T201
    unjudged = result["tournament"]["unjudged"] if result["tournament"] else 0
    return int(bool(result["broken"] or unjudged))


def _affect(given: argparse.Namespace) -> int:
    options = DialogueOptions(given.turns, given.repeats, given.workers, seed=given.seed)
    reader = reader_of(given)
    result = ablate(
        read_personas(given.personas), client_of(given.clients, given.seed), assistant_of(given.assistant, reader),
        options, given.out, reader=reader, judge=judge_of(given),
    )  # fmt: skip
    print(affect_text(result))  # noqa: T201
    return int(not is_clean(result))


def _named(text: str) -> tuple[str, str]:
    name, gap, spec = text.partition("=")
    if not gap or not name or "/" in name:
        raise ValueError(f"an assistant is NAME=SPEC, NAME without a slash, got {text!r}")
    return name, spec


def shared_arguments(command: argparse.ArgumentParser) -> None:
    """Who talks, how long, who judges."""
    add = command.add_argument
    add("--clients", default=str(TURNS), metavar="FILE|URL[#MODEL]", help="a file of turns, or a model that plays them")
    add("--personas", type=Path, default=PERSONAS, metavar="FILE", help="default: the fourteen that ship")
    add("--turns", type=int, default=8, metavar="N", help="exchanges of a dialogue")
    add("--repeats", type=int, default=1, metavar="N", help="dialogues with each person")
    add("--judge", metavar="URL", help="server of the judge model; without one only the rules are counted")
    add("--judge-model", metavar="NAME")
    add("--workers", type=int, default=8, metavar="N", help="dialogues, and requests of the judge, at once")
    add("--seed", type=int, default=0)
    add("--no-reader", action="store_true", help="the crisis rules alone, without the reader of meaning")
    add("--out", type=Path, required=True, metavar="DIR", help="the same command goes on from here")


def add_commands(commands: Any) -> None:
    """Add `dialogue` and `affect` to the object that ArgumentParser.add_subparsers gave."""
    talk = commands.add_parser(
        "dialogue", help="simulated persons talk to assistants: safety by rules, skills by a judge"
    )
    talk.add_argument("--assistant", action="append", required=True, metavar="NAME=SPEC",
                      help="guided, scripted:FILE, URL or URL#MODEL; may be given several times")  # fmt: skip
    talk.add_argument("--rounds", type=int, default=0, metavar="N", help="of the Swiss tournament; default: as needed")
    shared_arguments(talk)
    talk.set_defaults(run=_dialogue)
    face = commands.add_parser(
        "affect", help="the same dialogues with no, correct, shuffled and contrary states of the face"
    )
    face.add_argument("--assistant", required=True, metavar="SPEC", help="guided, scripted:FILE, URL or URL#MODEL")
    shared_arguments(face)
    face.set_defaults(run=_affect)

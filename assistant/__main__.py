"""In the terminal: `python -m assistant chat [--lang en|zh] [--llm URL [--model NAME]]` to talk,
`python -m assistant assess "..." ["..." ...]` to see what the crisis layer reads in the messages of one person, and
`python -m assistant train-reader` to train its reader of meaning. Nothing is stored."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from assistant.guided import Guided
from assistant.language import language_of
from assistant.meaning import Reader, load_reader
from assistant.meaning import commands as reader_commands
from assistant.respond import respond
from assistant.safety import crisis_reply, follow, is_asked_about, is_fixed
from assistant.types import Risk, RiskState, Turn
from llm.base import ChatModel
from llm.client.models import load_chat_model
from llm.types import Locale
from perception.types import EmotionalState


def chat(locale: Locale | None, model: ChatModel) -> None:
    """Read a message a line from standard input and print the reply as it comes, until the input ends."""
    history: list[Turn] = []
    reader = load_reader()
    while True:
        try:
            text = input("> ")
        except (EOFError, KeyboardInterrupt):
            print()
            return
        pieces = respond(
            text, EmotionalState.unknown(), history, model, locale=locale, record=history.append, reader=reader
        )
        try:
            for piece in pieces:
                print(piece, end="", flush=True)
        except KeyboardInterrupt:  # stops this reply; the next one ends the chat
            pieces.close()
        print("\n")
        history[-2:] = history[-1:]  # the final turn replaces the pending one


def show_risk(messages: Sequence[str], reader: Reader | None = None) -> None:
    """Print level, kind, score, reasons and rules after each of `messages`, each answered by the path where it asks."""
    state = RiskState()
    for text in messages:
        risk, state = follow(text, state, reader)
        print(f"{text}\n  level   {risk.name}{f' ({risk.kind})' if risk.kind else ''}, score {risk.score:.2f}")
        if reader is not None:
            reading = reader.read(text)
            print(f"  reader  danger {reading.danger:.2f}, severity {reading.severity:.2f}")
        print(f"  alone   {risk.alone.name.lower()}")
        print(f"  reasons {', '.join(risk.reasons) or 'none'}\n  rules   {', '.join(risk.rules) or 'none'}")
        print(f"  answer  {answered_by(risk, state)}")
        if is_fixed(risk) or is_asked_about(risk, state):
            _, state = crisis_reply(text, risk, state, language_of(text, "en"))


def answered_by(risk: Risk, state: RiskState) -> str:
    """Who answers a message of this risk."""
    if is_fixed(risk):
        return "the fixed path; no model is asked"
    if is_asked_about(risk, state):
        return "the language model, and a question of the path; the path alone where there is no language model"
    return "the language model or the companion"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m assistant", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    talk = commands.add_parser("chat", help="talk in the terminal; end with Ctrl-D")
    talk.add_argument("--lang", choices=("en", "zh"), help="language where a message does not show its own")
    talk.add_argument("--llm", metavar="URL", help="an OpenAI-compatible server; default: the guided companion")
    talk.add_argument("--model", help="the model's name, where the server has several")
    read = commands.add_parser("assess", help="show what the crisis layer reads in a message")
    read.add_argument("messages", nargs="+", help="messages of one person, oldest first")
    read.add_argument("--no-reader", action="store_true", help="the rules alone, without the reader of meaning")
    train = commands.add_parser("train-reader", help="train the reader of meaning (needs the extra `train`)")
    reader_commands.arguments(train)
    options = parser.parse_args(arguments)
    if options.command == "assess":
        show_risk(options.messages, None if options.no_reader else load_reader())
        return 0
    if options.command == "train-reader":
        return reader_commands.train_reader(options)
    try:
        model: ChatModel = load_chat_model(options.llm, options.model) if options.llm else Guided(reader=load_reader())
    except ValueError as error:
        parser.error(str(error))
    chat(options.lang, model)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Talk in the terminal: `python -m assistant chat [--lang en|zh] [--llm URL [--model NAME]]`. Nothing is stored.
Or train the reader of meaning: `python -m assistant train-reader`."""

from __future__ import annotations

import argparse
import sys

from assistant.guided import Guided
from assistant.meaning import commands as reader_commands
from assistant.respond import respond
from assistant.types import Turn
from llm.base import ChatModel
from llm.client.models import load_chat_model
from llm.types import Locale
from perception.types import EmotionalState


def chat(locale: Locale | None, model: ChatModel) -> None:
    """Read a message a line from standard input and print the reply as it comes, until the input ends."""
    history: list[Turn] = []
    while True:
        try:
            text = input("> ")
        except (EOFError, KeyboardInterrupt):
            print()
            return
        pieces = respond(text, EmotionalState.unknown(), history, model, locale=locale, record=history.append)
        try:
            for piece in pieces:
                print(piece, end="", flush=True)
        except KeyboardInterrupt:  # stops this reply; the next one ends the chat
            pieces.close()
        print("\n")
        history[-2:] = history[-1:]  # the final turn replaces the pending one


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m assistant", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    talk = commands.add_parser("chat", help="talk in the terminal; end with Ctrl-D")
    talk.add_argument("--lang", choices=("en", "zh"), help="language where a message does not show its own")
    talk.add_argument("--llm", metavar="URL", help="an OpenAI-compatible server; default: the guided companion")
    talk.add_argument("--model", help="the model's name, where the server has several")
    train = commands.add_parser("train-reader", help="train the reader of meaning (needs the extra `train`)")
    reader_commands.arguments(train)
    options = parser.parse_args(arguments)
    if options.command == "train-reader":
        return reader_commands.train_reader(options)
    try:
        model: ChatModel = load_chat_model(options.llm, options.model) if options.llm else Guided()
    except ValueError as error:
        parser.error(str(error))
    chat(options.lang, model)
    return 0


if __name__ == "__main__":
    sys.exit(main())

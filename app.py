"""The command line of the page: `python app.py --help`. Wires the parts together and serves them."""

from __future__ import annotations

import argparse
import difflib
import errno
import ipaddress
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Before Gradio and the others are imported: nothing may leave this machine, and no library may fetch models.
for _name, _value in {
    "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "GLOG_minloglevel": "2",
    "LANGSMITH_TRACING": "false", "TF_CPP_MIN_LOG_LEVEL": "2",
}.items():  # fmt: skip
    os.environ.setdefault(_name, _value)

if TYPE_CHECKING:
    from assistant.page.keeping import Keeping
    from assistant.page.session import Services
    from assistant.page.small_model import SmallModel
    from assistant.page.status import ModelStatus
    from llm.base import ChatModel

log = logging.getLogger("beside")

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 7860
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
EXPOSE = "--i-know-this-needs-tls-and-a-login"


class CannotStart(Exception):
    """What is wrong, and the next step; printed as it is."""


def parser() -> argparse.ArgumentParser:
    """Every option, with its default."""
    from perception.models import DEFAULT_EXPRESSION

    made = argparse.ArgumentParser(
        prog="app.py",
        description="Beside: a self-hosted companion for reflection. Serves the page on this computer only, "
        "unless told otherwise.",
        epilog="It is software: not a human, not a clinician, not for emergencies, for adults, not for work or "
        "education.",
    )
    made.add_argument(
        "--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s, this computer only)"
    )
    made.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on (default: %(default)s)")
    made.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="a further host name under which the page may be asked for, such as that of your TLS proxy; may be "
             "repeated",
    )  # fmt: skip
    made.add_argument(
        "--root-path", default="", metavar="/PATH",
        help="the path below which your proxy serves the page, such as /companion: its cookie is then sent to no other "
             "path, and the proxy may pass the path on or leave it off",
    )  # fmt: skip
    made.add_argument(
        EXPOSE, dest="expose", action="store_true",
        help="needed for any --host but loopback: without TLS everybody on the network can read along (and no browser "
             "opens a camera), and the page has no login of its own, so put a proxy with both in front of it",
    )  # fmt: skip
    made.add_argument(
        "--llm", default="guided", metavar="URL|guided|mini|nano",
        help="what answers: the built-in guided companion (default); mini, a small model on this processor, fetched "
             "the first time and not yet fit for people; an OpenAI-compatible server such as http://127.0.0.1:8000/v1 "
             "(vLLM, Ollama, llama.cpp), whose key goes in the variable BESIDE_LLM_KEY; or nano, a tiny trained model "
             "behind a vLLM of its own (`make serve-env` first), which only serves to try the machinery",
    )  # fmt: skip
    made.add_argument("--model", metavar="NAME", help="the model's name at that server (default: the only one it has)")
    made.add_argument(
        "--data", metavar="FOLDER|URL",
        help="where conversations are kept when the person allows it: a folder of its own, or a PostgreSQL URL (better "
             "in the variable BESIDE_DATA, because others can see a command line); default: the user's data folder",
    )  # fmt: skip
    made.add_argument("--no-store", action="store_true", help="keep nothing on disk, whatever the person allows")
    made.add_argument("--lang", choices=("en", "zh"), help="the page's first language (default: the browser's)")
    made.add_argument(
        "--region",
        metavar="CC",
        help="region of the crisis lines shown first, such as US, GB or CN (default: the browser's)",
    )
    made.add_argument(
        "--helplines", metavar="FILE", type=lambda given: Path(given).expanduser(),
        help="your own file of crisis lines instead of the built-in one",
    )  # fmt: skip
    made.add_argument(
        "--expression", metavar="CARD|PATH.onnx", default=DEFAULT_EXPRESSION,
        help="what reads expressions: a card's name (see `python -m perception models`), or your own network with "
             "PATH.card.json beside it (default: %(default)s)",
    )  # fmt: skip
    made.add_argument("--verbose", action="store_true", help="log more (never what anybody wrote)")
    return made


def check_host(host: str, expose: bool) -> None:
    """Refuse to listen beyond this computer by accident. Raises CannotStart."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = False
    if not loopback and not expose:
        raise CannotStart(
            f"--host {host} would let other computers in. The page has no login and no encryption of its own: "
            "conversations could be read along, and browsers refuse the camera without https. Next step: leave --host "
            "at 127.0.0.1 and put a proxy with TLS and a login in front of it (with --allow-host NAME), or, if that is "
            f"done, add {EXPOSE}."
        )


def check_root_path(path: str) -> None:
    """Refuse what is no path. Raises CannotStart."""
    if path and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+/?|/", path):
        raise CannotStart(f"--root-path {path!r} is no path. Next step: write it like /companion.")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CannotStart when the address cannot be used."""
    if not 0 <= port <= 65535:
        raise CannotStart(
            f"--port {port} is no port. Next step: choose one from 1024 to 65535, such as {DEFAULT_PORT}."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host.strip("[]"), port))
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} is in use, perhaps by a second copy of this app"
            other = f"--port {port + 1} (make run PORT={port + 1})"
            step = f"open http://{host}:{port} to see, or choose another port: {other}"
        elif error.errno == errno.EACCES:
            reason, step = (
                f"this user may not listen on port {port}",
                f"choose one above 1023, such as --port {DEFAULT_PORT}",
            )
        else:
            reason, step = (
                f"{host}:{port} cannot be listened on ({error.strerror or error})",
                "check --host; 127.0.0.1 always works",
            )
        raise CannotStart(f"{reason}. Next step: {step}.") from error
    made.listen(128)
    return made


def offered(companion: ChatModel) -> tuple[ChatModel, SmallModel | None]:
    """The companion behind a switch, and the small model that the page offers beside it, which ends with this process.
    The companion alone where no small model ships that is fit for people."""
    import atexit

    from assistant.page.small_model import SmallModel, Switch, mini
    from llm.serving.mini import MINIS
    from llm.tuning.tuned import CARDS

    name = next((one for one in MINIS if CARDS[one].fit_for_people), "")
    if not name:
        return companion, None
    switch = Switch(companion)
    small = SmallModel(mini(name), switch)
    atexit.register(small.close)
    return switch, small


def chat_model(llm: str, name: str | None) -> tuple[ChatModel, ModelStatus]:
    """The model that answers, and its status line. A server that is down is not an error. Raises CannotStart."""
    from assistant.guided import Guided
    from assistant.meaning import load_reader
    from assistant.page.status import ModelStatus

    if llm == "guided":
        if name:
            raise CannotStart(f"--model {name} needs a server. Next step: add --llm http://127.0.0.1:8000/v1")
        return Guided(reader=load_reader()), ModelStatus("guided")
    from llm.client.models import load_chat_model
    from llm.client.openai_compat import probe
    from llm.serving.mini import MINIS

    test_article = llm in {"nano", *MINIS}
    if llm == "nano":
        llm, name = nano_server()
    elif test_article:
        llm, name = mini_server(llm)
    try:
        model = load_chat_model(llm, name)
    except ValueError as error:
        raise CannotStart(
            f"--llm: {error}. Next step: give such a URL, or guided (the companion, the default), mini or nano."
        ) from error

    def ask() -> tuple[Sequence[str] | None, str]:
        status = probe(llm)
        return (status.models if status.reachable else None), status.message

    models, message = ask()
    if models is None:
        log.warning("model server: %s", message)
    check_model(name, models or ())
    return model, ModelStatus(name or "", ask, test_article=test_article)


def check_model(name: str | None, models: Sequence[str]) -> None:
    """Refuse a name that the server does not have, or none where it has several. `models` empty: it did not tell.
    Raises CannotStart."""
    if not models or (name in models) or (name is None and len(models) == 1):
        return
    listed = ", ".join(models[:12]) + (" ..." if len(models) > 12 else "")
    if name is None:
        raise CannotStart(f"the server has several models: {listed}. Next step: choose one with --model NAME.")
    near = did_you_mean(name, models)
    raise CannotStart(f"--model: the server has no model {name!r}{near}. Next step: choose from {listed}.")


def did_you_mean(given: str, choices: Iterable[str]) -> str:
    """ "; did you mean X?" for the choice that looks most like `given`, or ""."""
    by_name = {choice.lower(): choice for choice in choices}
    tails = {name.rsplit("/", 1)[-1]: choice for name, choice in by_name.items()}
    for table in (by_name, tails):
        if near := difflib.get_close_matches(given.lower(), table, 1, 0.6):
            return f"; did you mean {table[near[0]]!r}?"
    return ""


def nano_server() -> tuple[str, str]:
    """The URL and model name of the shipped nano model's server, started unless it runs; it ends with this process.
    Raises CannotStart."""
    import atexit

    from llm.nano.server import open_nano
    from llm.serving.serve import ServeProblem

    try:
        nano = open_nano(tell=lambda said: print(f"app: {said}", flush=True))
    except ServeProblem as problem:
        raise CannotStart(f"--llm nano: {problem}") from problem
    atexit.register(nano.stop)
    log.warning("nano: %s", nano.notice)
    return nano.url, nano.model


def mini_server(name: str) -> tuple[str, str]:
    """The URL and model name of a small model's engine, fetched and started; it ends with this process.
    Raises CannotStart."""
    import atexit

    from llm.bases import Show
    from llm.serving.mini import open_mini
    from llm.serving.serve import ServeProblem

    try:
        mini = open_mini(name, Show(tell=lambda said: print(f"app: {said}", flush=True)))
    except (ServeProblem, ValueError) as problem:
        raise CannotStart(f"--llm {name}: {problem}") from problem
    atexit.register(mini.stop)
    return mini.url, mini.model


def keeping(no_store: bool, place: str | None) -> Keeping:
    """The store, opened. Raises CannotStart."""
    from assistant.page.keeping import Keeping
    from assistant.store import Store, StoreError

    if no_store:
        return Keeping(None)
    try:
        store = Store(place)
    except (StoreError, ValueError) as error:
        raise CannotStart(
            f"{error}. Next step: mend that, choose another place with --data, or start with --no-store."
        ) from error
    for notice in store.notices:
        log.warning("store: %s", notice)
    log.info("conversations are kept in %s, only when the person allows it", store.where)
    return Keeping(store)


def services(options: argparse.Namespace) -> Services:
    """Everything behind the page, wired. Raises CannotStart."""
    from assistant.guided import Guided
    from assistant.meaning import load_reader
    from assistant.page.help import help_lines
    from assistant.page.session import Services
    from assistant.safety.helplines import lines_for
    from perception.perceiver import Perceiver, PerceiverOptions

    try:
        lines = help_lines(options.helplines, options.region)
    except (OSError, ValueError) as error:
        raise CannotStart(f"the crisis lines: {error}. Next step: mend the file, or leave --helplines out.") from error
    perceiver_options = PerceiverOptions(model=options.expression)
    try:
        Perceiver(perceiver_options).close()  # a model that cannot be used is reported now, not at the first frame
    except (OSError, ValueError, KeyError) as error:
        problem = error.args[0] if isinstance(error, KeyError) else error
        raise CannotStart(f"--expression: {problem}. Next step: mend that, or leave the option out.") from error
    kept = keeping(options.no_store, options.data or os.environ.get("BESIDE_DATA"))
    try:
        model, status = chat_model(options.llm, options.model)
    except BaseException:  # a store left open says at the next start that its latest messages may be missing
        kept.close()
        raise
    small, reader = None, load_reader()
    # Only where one person uses the app: with several, one click would decide for all who answers.
    if options.llm == "guided" and not options.expose and not options.allow_host:
        model, small = offered(model)
    return Services(
        model=model, fallback=Guided(reader=reader), keeping=kept, status=status, help=lines,
        default_locale=options.lang, small=small, reader=reader,
        make_perceiver=lambda: Perceiver(perceiver_options),
        lines=lambda locale, region: lines_for(locale, region or options.region, options.helplines),
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted. Returns the exit status: 0, or 2 with the next step on stderr."""
    options = parser().parse_args(arguments)
    os.umask(0o077)  # whatever a library may write is for this user only
    level = logging.INFO if options.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    # Uvicorn raises SIGTERM again when it has shut down: without a handler that would end the process before it has
    # stopped what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_host(options.host, options.expose)
        check_root_path(options.root_path)
        bound = listen(options.host, options.port)
        wired = services(options)
    except CannotStart as problem:
        print(f"app: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("app: stopped before it had started", file=sys.stderr)
        return 130
    import uvicorn

    from assistant.page.server import make_app

    declared = [*options.allow_host, *([] if options.host in LOOPBACK_NAMES else [options.host])]
    app = make_app(wired, LOOPBACK_NAMES, declared, options.root_path)
    # No access log: it would hold when somebody talked. A frame is far below the WebSocket limit of 1 MB.
    config = uvicorn.Config(
        app, log_level="info" if options.verbose else "warning", access_log=False, server_header=False,
        ws_max_size=1_000_000, ws_max_queue=4, timeout_graceful_shutdown=3,
    )  # fmt: skip
    port = bound.getsockname()[1]
    shown = "127.0.0.1" if options.host in {"0.0.0.0", "::"} else options.host  # noqa: S104  shown, not bound
    try:  # whoever reads the line may end the app before the server has begun
        print(f"Beside is at http://{shown}:{port}  (stop it with Ctrl+C)", flush=True)
        uvicorn.Server(config).run(sockets=[bound])
    except KeyboardInterrupt:
        pass
    finally:
        wired.keeping.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

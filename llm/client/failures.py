"""What went wrong at a model server, in the operator's words, and whether asking again can help."""

from __future__ import annotations

import json
from collections.abc import Sequence

import httpx

from llm.base import ModelError, ModelInterrupted, ModelMisconfigured, ModelUnavailable
from llm.client.chunks import StreamedError, message_of

#: What reading raises when a server sends something that is not the protocol.
MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError)
#: Seconds before the second and third attempt.
BACKOFF_S = (0.25, 1.0)
#: A longer Retry-After is not waited for: the person is waiting too.
MAX_RETRY_AFTER_S = 5.0
_SAID_CHARS = 200
_BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})

_NEXT_STEP = {
    400: "check the prompt's length against the server's context length, and the sampling settings",
    401: "set the server's key in BESIDE_LLM_KEY",
    403: "set a key that may use this model in BESIDE_LLM_KEY",
    404: "check the model's name (--model) and that the address ends in /v1",
    413: "the prompt is too long for the server: start a new conversation or raise its context length",
    422: "check the model's name and the sampling settings",
    429: "it is overloaded or limits requests: wait, or raise its limit",
}


def retry_wait_s(error: Exception, attempt: int) -> float | None:
    """Seconds to wait before asking again, or None where that would not help (or would take too long)."""
    usual_s = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
    if not isinstance(error, httpx.HTTPStatusError):
        # A broken or refused connection may be a server that is just coming up; a time-out has waited long enough.
        broken = isinstance(error, httpx.TransportError) and not isinstance(error, httpx.TimeoutException)
        return usual_s if broken else None
    if error.response.status_code not in _BUSY:
        return None
    try:
        asked_s = float(error.response.headers.get("retry-after", usual_s))
    except ValueError:  # an HTTP date: servers of models do not send it, and it needs their clock to be right
        return None
    return asked_s if 0 <= asked_s <= MAX_RETRY_AFTER_S else None


def explain(error: Exception, url: str, model: str, arrived: bool, words: Sequence[str] = ()) -> ModelError:
    """The ModelError for what reading raised. `arrived` says whether the person has seen a part of the reply; `words`
    are the prompt's texts, which are kept out of the message when the server echoes them."""
    who = f"{model} at {url}" if model and model != url else f"the model server at {url}"
    if isinstance(error, httpx.HTTPStatusError):
        return _explain_status(error.response, who, words)
    kind: type[ModelError] = ModelInterrupted if arrived else ModelUnavailable
    if isinstance(error, httpx.TimeoutException):
        return kind(f"{who} did not answer in time; check that it runs and is reachable from here")
    if isinstance(error, httpx.TransportError):
        if arrived:
            return kind(f"{who} broke the connection amid a reply ({type(error).__name__}); look at its log")
        return kind(
            f"{who} cannot be reached ({type(error).__name__}: {_short(str(error), words)}); start it, "
            "or correct the address given with --llm"
        )
    if isinstance(error, StreamedError):
        return kind(f"{who} reported an error in its stream ({_short(str(error), words)}); look at its log")
    return kind(
        f"{who} sent something that is not the chat-completions protocol ({type(error).__name__}); "
        "check that the address is an OpenAI-compatible API"
    )


def _explain_status(response: httpx.Response, who: str, words: Sequence[str]) -> ModelError:
    status = response.status_code
    said = _short(said_by(response), words)
    said = f" ({said})" if said else ""
    if status in _BUSY:
        after = response.headers.get("retry-after", "")
        asked = f" and asks to wait {after} s" if after.replace(".", "").isdigit() else ""
        step = _NEXT_STEP.get(status, "look at the server's log, or restart it")
        return ModelUnavailable(f"{who} answers HTTP {status}{asked}{said}; {step}")
    step = _NEXT_STEP.get(status, "check the address given with --llm")
    return ModelMisconfigured(f"{who} answers HTTP {status}{said}; {step}")


def said_by(response: httpx.Response) -> str:
    """The server's own words in a response whose body was read; "" for a web page."""
    try:
        return message_of(json.loads(response.content))
    except ValueError:
        text = response.text.strip()
        return "" if text.startswith("<") else text


def _short(text: str, words: Sequence[str]) -> str:
    for said in sorted(words, key=len, reverse=True):
        if said.strip():
            text = text.replace(said, "[...]")
    return " ".join(text.split())[:_SAID_CHARS]

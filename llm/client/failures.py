"""What went wrong at a model server, in the operator's words, and whether asking again can help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import openai

from llm.base import ModelError, ModelInterrupted, ModelMisconfigured, ModelUnavailable

#: What the libraries raise when a server sends something that is not the protocol.
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


def _response(error: Exception) -> Any:
    """The HTTP response with `status_code` and `headers`, or None. Its class is the HTTP library's."""
    if isinstance(error, openai.APIStatusError | httpx.HTTPStatusError):
        return error.response
    return None


def retry_wait_s(error: Exception, attempt: int) -> float | None:
    """Seconds to wait before asking again, or None where that would not help (or would take too long)."""
    response = _response(error)
    if response is None:
        # A broken or refused connection may be a server that is just coming up; a time-out has waited long enough.
        timed_out = isinstance(error, openai.APITimeoutError | httpx.TimeoutException)
        connection = isinstance(error, openai.APIConnectionError | httpx.TransportError)
        return BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)] if connection and not timed_out else None
    if response.status_code not in _BUSY:
        return None
    try:
        asked_s = float(response.headers.get("retry-after", BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]))
    except ValueError:  # an HTTP date: servers of models do not send it, and it needs their clock to be right
        return None
    return asked_s if 0 <= asked_s <= MAX_RETRY_AFTER_S else None


def explain(error: Exception, url: str, model: str, arrived: bool, words: Sequence[str] = ()) -> ModelError:
    """The ModelError for a library's exception. `arrived` says whether the person has seen a part of the reply; `words`
    are the prompt's texts, which are kept out of the message when the server echoes them."""
    who = f"{model} at {url}" if model and model != url else f"the model server at {url}"
    response = _response(error)
    if response is not None:
        return _explain_status(error, response, who, words)
    kind: type[ModelError] = ModelInterrupted if arrived else ModelUnavailable
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
        return kind(f"{who} did not answer in time; check that it runs and is reachable from here")
    if isinstance(error, openai.APIConnectionError | httpx.TransportError):
        cause = error.__cause__ or error
        if arrived:
            return kind(f"{who} broke the connection amid a reply ({type(cause).__name__}); look at its log")
        return kind(f"{who} cannot be reached ({type(cause).__name__}: {_short(str(cause), words)}); start it, "
                    "or correct the address given with --llm")
    if isinstance(error, openai.APIError):
        return kind(f"{who} reported an error in its stream ({_short(error.message, words)}); look at its log")
    return kind(f"{who} sent something that is not the chat-completions protocol ({type(error).__name__}); "
                "check that the address is an OpenAI-compatible API")


def _explain_status(error: Exception, response: Any, who: str, words: Sequence[str]) -> ModelError:
    status = response.status_code
    said = _short(_said(error), words)
    said = f" ({said})" if said else ""
    if status in _BUSY:
        after = response.headers.get("retry-after", "")
        asked = f" and asks to wait {after} s" if after.replace(".", "").isdigit() else ""
        step = _NEXT_STEP.get(status, "look at the server's log, or restart it")
        return ModelUnavailable(f"{who} answers HTTP {status}{asked}{said}; {step}")
    step = _NEXT_STEP.get(status, "check the address given with --llm")
    return ModelMisconfigured(f"{who} answers HTTP {status}{said}; {step}")


def _said(error: Exception) -> str:
    """The server's own words, from the shapes in use: {"error": {"message"}}, {"error": text}, {"message"}."""
    body: Any = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        body = inner.get("message", "") if isinstance(inner, dict) else inner
    return body if isinstance(body, str) else ""


def _short(text: str, words: Sequence[str]) -> str:
    for said in sorted(words, key=len, reverse=True):
        if said.strip():
            text = text.replace(said, "[...]")
    return " ".join(text.split())[:_SAID_CHARS]

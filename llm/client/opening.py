"""How a model's chat template begins a reply: in text, or within reasoning that it opens itself.

Asked of the server once per client, with a message of ours and without generating anything: llama.cpp renders a prompt
(`/apply-template`), vLLM shows its tokens (`/tokenize`), Ollama names what its model can do (`/api/show`) and separates
the reasoning itself. Other servers do not tell; the first whole reply then does (see ReasoningFilter).
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from llm.client.reasoning import TAGS, Opening

#: Seconds for all questions together; the person waits meanwhile, once.
LIMIT_S = 1.0
_ASKED = [{"role": "user", "content": "hi"}]
#: The end of a prompt, in characters and tokens, where an opening tag may stand.
_END_CHARS, _END_TOKENS = 60, 12


async def ask_opening(http: httpx.AsyncClient, url: str, model: str, headers: dict[str, str]) -> Opening | None:
    """What the server at `url` (ending in /v1) tells, "unknown" where it does not, None where it cannot be reached or
    is not ready. Raises nothing for a server's faults."""
    root = url.removesuffix("/v1")
    questions: list[tuple[str, dict[str, Any]]] = [
        ("/apply-template", {"messages": _ASKED}),
        ("/tokenize", {"model": model, "messages": _ASKED, "add_generation_prompt": True, "return_token_strs": True}),
        ("/api/show", {"model": model}),
    ]
    try:
        async with asyncio.timeout(LIMIT_S):
            for path, body in questions:
                answer = await http.post(root + path, json=body, headers=headers)
                if answer.is_server_error:  # not ready yet
                    return None
                if answer.status_code == httpx.codes.OK and (opening := _read(path, answer)) != "unknown":
                    return opening
    except TimeoutError:
        return "unknown"
    except httpx.HTTPError:
        return None
    return "unknown"


def _read(path: str, answer: httpx.Response) -> Opening:
    try:
        told = answer.json()
    except ValueError:
        return "unknown"
    if not isinstance(told, dict):
        return "unknown"
    if path == "/api/show":
        template = told.get("template")
        if not isinstance(told.get("capabilities"), list) or not isinstance(template, str):
            return "unknown"
        separated = "thinking" in told["capabilities"]
        return "text" if separated or not any(tag in template.lower() for tag, _ in TAGS) else "unknown"
    if path == "/tokenize":
        tokens = told.get("token_strs")
        prompt = "".join(map(str, tokens[-_END_TOKENS:])) if isinstance(tokens, list) and tokens else None
    else:
        prompt = told.get("prompt")
    return opening_of(prompt) if isinstance(prompt, str) and prompt else "unknown"


def opening_of(prompt: str) -> Opening:
    """Whether a rendered prompt ends within a reasoning block."""
    end = prompt[-_END_CHARS:].lower()
    return "reasoning" if any(end.rfind(first) > end.rfind(last) for first, last in TAGS) else "text"

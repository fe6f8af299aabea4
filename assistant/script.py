"""Simplified or traditional characters: the person's own decide in which of them the replies are shown.

Our Chinese texts are written in simplified characters. Who writes traditional ones gets the same words converted by
OpenCC, with the words of Taiwan (軟體, not 軟件), or, where the message is Cantonese, with the characters of Hong Kong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import opencc

#: "" simplified, or nothing that shows; else traditional as it is written in Taiwan or in Hong Kong.
Script = Literal["", "tw", "hk"]

_CONFIGS = {"tw": "s2twp", "hk": "s2hk"}
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")
#: Characters that are written in Cantonese and hardly elsewhere.
_CANTONESE = re.compile("[喺嘅咗唔冇哋嚟咁嗰啲畀乜嘢佢咩㗎]")


@cache
def _converter(config: str) -> Any:
    return opencc.OpenCC(config)


def script_of(texts: Iterable[str]) -> Script:
    """The script of the first of `texts` that shows one: a character that is written in one way only."""
    for text in texts:
        han = "".join(_HAN.findall(text))
        as_simplified, as_traditional = _converter("t2s").convert(han), _converter("s2t").convert(han)
        traditional = sum(a != b for a, b in zip(han, as_simplified, strict=False))
        simplified = sum(a != b for a, b in zip(han, as_traditional, strict=False))
        if simplified > traditional:
            return ""
        if _CANTONESE.search(han):
            return "hk"
        if traditional:
            return "tw"
    return ""


def in_script(text: str, script: Script) -> str:
    """`text`, of simplified characters, in `script`."""
    return str(_converter(_CONFIGS[script]).convert(text)) if script else text


def simplified(text: str) -> str:
    """`text` in simplified characters: to compare what was shown with what is written in our files."""
    return str(_converter("t2s").convert(text))

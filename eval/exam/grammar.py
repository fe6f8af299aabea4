"""Which letters does a reply answer? One grammar for all models; what it cannot parse is counted, never guessed.

Over the reply without its reasoning block (<think>...</think>), full-width letters made plain, the last of these
counts:

1. A *stated* answer: a word of answering (答案, 选, 正确的是, answer, choose, correct ...) and letters. Statements
   of what the answer is not (不选B, "A is wrong", 排除C, not B) are taken out before; "A还是B", "A or B" state nothing.
2. A statement that no option is right (以上都不对, 没有正确选项, none of the above): "none".
3. A last line of nothing but letters with separators: "B", "（A、C）", "A, C and D.", "**B**", "选项B"; or of one
   letter and its text ("B. 心理咨询"), where no line before has that form: several such lines repeat the options.

4. Letters at the very start that an explanation follows ("B，因为...", "B（共情）", "B" and a new line), where nothing
   above was found.

Letters that merely occur in prose ("A类事件", "Plan B") are no answer. For a single choice, more than one letter is
unparsed; letters that the item does not have are unparsed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from eval.exam.types import Extraction, ItemKind

_THINK = re.compile(r"^.*?</think>", re.S)
_UNCLOSED_THINK = re.compile(r"<think>.*", re.S)
_TAG = re.compile(r"<(/?)(?:answer|答案)>", re.I)
_DECORATION = re.compile(r"\\(?:boxed|text|textbf|mathrm)\s*\{([^{}]*)\}|[*_`$#]+|\\[()\[\]]")
#: "answer: b": a small letter counts only after a colon at the end of a line.
_SMALL = re.compile(r"([:=]\s*[(\[]?)([a-h])(?=[)\]]?\s*[.。]?\s*$)", re.M)

#: One letter that stands for itself: not part of a word, a number or a formula.
_LETTER = r"(?<![A-Za-z0-9])[A-H](?![A-Za-z0-9'’])"
_RUN = r"(?<![A-Za-z0-9])[A-H]{2,8}(?![A-Za-z0-9'’])"
_BETWEEN = r"(?:[\s、,;/&+和与及]|以及|\band\b|选项)+"
#: "B", "BCD", "B、C和D", "(B)", "【BC】", "选项B".
_OPEN, _CLOSE = r"[\s(\[【「『\"“'‘<]*", r"[)\]】」』\"”'’>]*"
LETTERS = rf"{_OPEN}(?:{_RUN}|{_LETTER}{_CLOSE}(?:{_BETWEEN}{_OPEN}{_LETTER}{_CLOSE})*)"

_ZH_SAYS = (
    r"(?:正确|最佳|最终|标准|参考|我的)?答案(?:应该|应当|应|就|可能)?(?:是|为|选)?"
    r"|(?:正确|最佳)?选项(?:应该|应当|应|就|可能)?(?:是|为|选|(?=\s*:))"
    r"|(?:我认为|我觉得|我看|应该|应当)(?:应该)?是"
    r"|(?:所以|因此|故|综上)?(?:我|应|应该|应当|该题|本题|此题)?(?:会)?(?:选择|选|答)"
    r"|(?:正确|符合题意|符合|合适|恰当|最恰当|最合适|对)的(?:选项|答案|说法|描述|做法)?(?:应该)?(?:是|为|有|包括)"
    r"|而是|而应选|而应该是"
)
_EN_SAYS = (
    r"(?i:(?:(?:the|my|final|correct|right|best)\s+)*"
    r"(?:answers?(?:\s+(?:is|are|would\s+be|should\s+be|must\s+be))?|(?:choices?|options?)(?:\s+(?:is|are)|(?=\s*:)))"
    r"|correct(?=\s*:)|it(?:'s|\s+is)|i\s+(?:think|believe)(?:\s+it(?:'s|\s+is))?"
    r"|(?:therefore|so|thus|hence)\s*,?\s*(?:option)?"
    r"|(?:i(?:'d|'ll)?\s+(?:would\s+)?)?(?:choose|pick|select|go\s+with)|but\s+rather|but"
    r"|(?:correct|right|best)(?:\s+(?:one|ones|answer|option))?\s+(?:is|are))"
)
_SAID = re.compile(
    rf"(?:{_ZH_SAYS}|(?<![A-Za-z]){_EN_SAYS})[】\])]*\s*(?:[:=-]|是|为|(?i:is|are)\b)?\s*"
    rf"(?:选项|(?i:options?)\b)?\s*({LETTERS})"
    r"(?!\s*(?:还是|或者?|(?i:or)\b)\s*[A-H])"
)
#: "B is correct", "B、C正确", "B项是正确的".
_IS_RIGHT = re.compile(
    rf"({LETTERS})\s*(?:项|选项)?\s*(?:(?:都|均)?(?:是)?(?:正确|对的|对(?=[\s。,.!]|$)|符合题意|最佳)"
    r"|(?i:(?:is|are)\s+(?:both\s+|all\s+)?(?:the\s+)?(?:correct|right|best)(?:\s+(?:answers?|choices?|options?|ones?))?))"
)
_NOT = re.compile(
    r"(?:不能选|不应选|不该选|不选|不是|排除|去掉|并非|而非|错误的(?:选项|是|有|说法)?(?:是|为)?"
    r"|(?<![A-Za-z])(?i:not|neither|exclude|eliminate|rule\s+out|instead\s+of|rather\s+than"
    r"|incorrect(?:\s+(?:is|are|options?))?|wrong(?:\s+(?:is|are|options?))?))"
    rf"\s*[:]?\s*(?:选择|选|选项|(?i:option|answer))?\s*{LETTERS}"
    rf"|{LETTERS}\s*(?:项|选项)?\s*(?:(?:都|均)?(?:是)?(?:不正确|不对|错误|错的|不符合|不选|排除|有误)"
    r"|(?i:(?:is|are)\s+(?:both\s+)?(?:not|wrong|incorrect|false)))"
)
_NONE = re.compile(
    r"以上(?:选项)?(?:都|均|全)(?:不对|不正确|不是|错)|没有(?:一个)?(?:正确|合适)的?(?:答案|选项)|无正确(?:答案|选项)"
    r"|(?i:none\s+of\s+(?:the\s+)?(?:above|these|options|them)|no\s+(?:correct|right)\s+(?:answer|option))"
)
_ONLY = re.compile(rf"^\s*(?:选项|(?i:options?)\b)?\s*{LETTERS}\s*[。.!]?\s*$")
#: "B. 心理咨询": the letter and its option's text, nothing before it, in one line.
_LETTER_AND_TEXT = re.compile(rf"^\s*{_OPEN}([A-H]){_CLOSE}\s*[.、:)]\s*\S[^\n]*$")


#: As a whole (atomic), so that of "A, B are plausible" not the first letter alone is taken.
_LEADING = re.compile(rf"^\s*(?>{LETTERS})\s*(?:$|[,。(:;]|因为|(?i:because|since)\b)", re.M)


def extract(reply: str, options: Collection[str], kind: ItemKind) -> Extraction:
    """The letters that `reply` answers, of those in `options`."""
    text = _plain(reply)
    stated = _alone(text) or _stated(text) or _leading(text)
    if stated == "none":
        return Extraction("none")
    letters = frozenset(stated or "")
    if not letters or not letters <= set(options) or (kind == "single" and len(letters) != 1):
        return Extraction("unparsed")
    return Extraction("answered", letters)


def _plain(reply: str) -> str:
    text = unicodedata.normalize("NFKC", reply)
    text = _TAG.sub(lambda match: " " if match[1] else " answer: ", text)
    text = _THINK.sub("", text, count=1) if "</think>" in text else _UNCLOSED_THINK.sub("", text)
    for _ in range(3):  # \boxed{\text{B}}
        text = _DECORATION.sub(lambda match: match[1] or "", text)
    return _SMALL.sub(lambda match: match[1] + match[2].upper(), text)


def _stated(text: str) -> str | None:
    """The last statement of an answer, or "none"; None where there is none."""
    without = _NOT.sub(lambda match: " " * len(match[0]), text)
    found = [(match.start(1), _letters(match[1])) for match in (*_SAID.finditer(without), *_IS_RIGHT.finditer(without))]
    found += [(match.start(), "none") for match in _NONE.finditer(text)]
    found = [(place, said) for place, said in found if said]
    return max(found, key=lambda one: one[0])[1] if found else None


def _alone(text: str) -> str | None:
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and _ONLY.match(lines[-1]):
        return _letters(lines[-1])
    with_text = [_LETTER_AND_TEXT.match(line) for line in lines]
    return with_text[-1][1] if lines and with_text[-1] and not any(with_text[:-1]) else None


def _leading(text: str) -> str | None:
    start = text.lstrip()
    found = _LEADING.match(start)
    several = sum(bool(_LETTER_AND_TEXT.match(line)) for line in start.splitlines()) > 1
    return _letters(found[0].partition("\n")[0]) if found and not several else None


def _letters(text: str) -> str:
    return "".join(ch for ch in re.sub(r"(?i)options?|and", " ", text) if ch in "ABCDEFGH")

"""A reply's Markdown as safe HTML: bold, italics, lists, quotes and code. Nothing else becomes markup: no link, no
image, no HTML. Everything that the person or a model wrote is escaped first, and only tags without attributes are made
(but for the number that a list begins with)."""

from __future__ import annotations

import html
import re
from functools import lru_cache

_FENCE = re.compile(r"^\s*(```+|~~~+)")
_BULLET = re.compile(r"^\s{0,8}[-*+•]\s+(?=\S)")
_NUMBER = re.compile(r"^\s{0,8}(\d{1,4})[.)、]\s*(?=\S)")
_QUOTE = re.compile(r"^\s{0,3}>\s?")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(?=\S)")
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_STAR = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*(?![\w*])")
_LINE = re.compile(r"(?<![\w_])_(?=[^\s_])([^_\n]+?)(?<=[^\s_])_(?![\w_])")
#: Quotes within quotes beyond this depth are shown as text.
_MAX_DEPTH = 4


@lru_cache(maxsize=4096)
def to_html(reply: str) -> str:
    """The whole reply. Unfinished markup, as in the middle of a stream, is shown as it was written."""
    return _blocks(reply.replace("\r\n", "\n").split("\n"), 0)


def _blocks(lines: list[str], depth: int) -> str:
    made: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence := _FENCE.match(line):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == fence[1]), len(lines))
            made.append(f"<pre><code>{html.escape(chr(10).join(lines[at + 1 : end]), quote=False)}</code></pre>")
            at = end + 1
        elif not line.strip():
            at += 1
        elif depth < _MAX_DEPTH and _QUOTE.match(line):
            end = _run(lines, at, _QUOTE)
            inner = [_QUOTE.sub("", one) for one in lines[at:end]]
            made.append(f"<blockquote>{_blocks(inner, depth + 1)}</blockquote>")
            at = end
        elif _BULLET.match(line):
            end = _run(lines, at, _BULLET)
            made.append(f"<ul>{_items(lines[at:end], _BULLET)}</ul>")
            at = end
        elif number := _NUMBER.match(line):
            end = _run(lines, at, _NUMBER)
            made.append(f'<ol start="{int(number[1])}">{_items(lines[at:end], _NUMBER)}</ol>')
            at = end
        else:
            end = next((i for i in range(at + 1, len(lines)) if _begins_block(lines[i], depth)), len(lines))
            made.append(f"<p>{'<br>'.join(_paragraph_line(one) for one in lines[at:end])}</p>")
            at = end
    return "".join(made)


def _begins_block(line: str, depth: int) -> bool:
    return not line.strip() or any(
        pattern.match(line) for pattern in (_FENCE, _BULLET, _NUMBER, *([_QUOTE] if depth < _MAX_DEPTH else ()))
    )


def _run(lines: list[str], at: int, pattern: re.Pattern[str]) -> int:
    """Where the lines that match end, from `at`; a single blank line between two of them does not end it."""
    end = at
    while end < len(lines) and (
        pattern.match(lines[end])
        or (not lines[end].strip() and end + 1 < len(lines) and pattern.match(lines[end + 1]) and pattern is not _QUOTE)
    ):
        end += 1
    return end


def _items(lines: list[str], pattern: re.Pattern[str]) -> str:
    return "".join(f"<li>{_inline(pattern.sub('', line))}</li>" for line in lines if line.strip())


def _paragraph_line(line: str) -> str:
    if _HEADING.match(line):
        return f"<strong>{_inline(_HEADING.sub('', line).rstrip('# '))}</strong>"
    return _inline(line.strip())


def _inline(line: str) -> str:
    """One line's text. Code is taken out first: what stands in it is no markup."""
    parts, at = [], 0
    for found in _CODE.finditer(line):
        parts.append(_emphasis(line[at : found.start()]))
        parts.append(f"<code>{html.escape(found[2], quote=False)}</code>")
        at = found.end()
    return "".join([*parts, _emphasis(line[at:])])


def _emphasis(words: str) -> str:
    made = _BOLD.sub(r"<strong>\2</strong>", html.escape(words, quote=False))
    return _LINE.sub(r"<em>\1</em>", _STAR.sub(r"<em>\1</em>", made))

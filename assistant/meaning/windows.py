"""Takes a long message apart into what the reader reads at once."""

from __future__ import annotations

from assistant.meaning.lines import joined, sentences

WINDOW = 340  # letters, a Chinese character counted as two: what the network reads at once, 80 to 115 pieces
SHARED = 60  # letters at most of a window that the next one reads again, in whole sentences
LONG = 160  # letters, counted the same way: from here on a message is long, and has a threshold of its own
READ = 2000  # characters by which the language is known
LONGEST_SENTENCE = 100  # characters: a longer run without an end is cut


def weight(text: str) -> int:
    """The length of `text` in letters, a Chinese character counted as two."""
    return sum(2 if "\u2e80" <= c <= "\uffef" else 1 for c in text)


def language(text: str) -> str:
    """The language: "zh" where a tenth of the letters is Chinese, else "en": each has its own thresholds."""
    chinese = sum("\u3400" <= c <= "\u9fff" for c in text[:READ])
    return "zh" if 10 * chinese >= sum(map(str.isalpha, text[:READ])) and chinese else "en"


def is_long(text: str) -> bool:
    """Whether the threshold of long messages holds for `text`: ordinary sadness at length scores unlike a short one."""
    return weight(text[: 2 * LONG]) >= LONG


def windows(text: str) -> list[str]:
    """`text` in windows of whole sentences, in order, neighbours sharing a short sentence; a short text is one."""
    if weight(text) <= WINDOW:
        return [text]
    parts = [part[at : at + LONGEST_SENTENCE] for part in sentences(text)
             for at in range(0, len(part), LONGEST_SENTENCE)]  # fmt: skip
    found: list[list[str]] = [[]]
    filled = 0
    for part in parts:
        added = weight(part)
        if found[-1] and filled + added > WINDOW:
            last = found[-1][-1]
            found.append([last] if len(found[-1]) > 1 and weight(last) <= SHARED else [])
            filled = sum(map(weight, found[-1]))
        found[-1].append(part)
        filled += added
    return [window for parts in found if (window := joined(parts).strip())] or [text]

"""Training data against what a model is examined on: exact, normalised and near copies are taken out, and a
certificate beside the data names both sides by their hashes.

A protected text (an exam item, a message of a held-out dialogue) is a near copy when at least NEAR of its character
n-grams stand in one training text, so that a question quoted inside a longer message is found too. Every count is
exact: an index from n-gram to protected texts, no sampling.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import re
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llm.files import commit_of, sha256_of, whole
from llm.rows import read_rows
from perception.files import is_clutter

CERTIFICATE = "certificate.json"
#: n-gram length by script, and the fewest normalised characters of a protected text that is compared within texts:
#: shorter ones ("你好") stand everywhere and are compared as whole texts only.
GRAM = {"han": 4, "latin": 10}
SHORTEST = {"han": 12, "latin": 40}
#: Protected texts of fewer normalised characters are said by everybody and are not protected at all.
COMMON = 8
#: Share of a protected text's n-grams from which a training text holds a near copy. A lightly edited copy (one letter
#: in twelve, one word in ten) keeps more than this; chosen on invented texts before any exam was read.
NEAR = 0.5
#: Keys whose text is not what is asked or said: names, keys of answers, origins.
NOT_TEXT = frozenset(
    ("id", "role", "from", "source", "lang", "provenance", "answer_key", "key", "question_type", "kind", "subject",
     "subject_name", "section", "level", "topic", "system", "options")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Copy:
    """A training text that holds a protected one: where both stand, how alike (share of n-grams; 1 for the same), and
    in which way: "exact", "normalised" or "near"."""

    row: str
    protected: str
    way: str
    share: float


class ProtectedTexts:
    """What must not be learned: looked up by whole text, by normalised text and by n-grams."""

    def __init__(self) -> None:
        self._exact: dict[str, int] = {}
        self._normalised: dict[str, int] = {}
        self._grams: dict[str, list[int]] = defaultdict(list)
        self._sizes: dict[int, int] = {}
        self.names: list[str] = []

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: str, text: str) -> None:
        plain = normalised(text)
        if len(plain) < COMMON:
            return
        number = len(self.names)
        self.names.append(name)
        self._exact.setdefault(text.strip(), number)
        if plain in self._normalised:  # the same again: one is enough to find both
            return
        self._normalised[plain] = number
        script = script_of(plain)
        if len(plain) >= SHORTEST[script]:
            grams = _grams(plain, GRAM[script])
            self._sizes[number] = len(grams)
            for gram in grams:
                self._grams[gram].append(number)

    def find(self, text: str) -> tuple[str, str, float] | None:
        """(name of the protected text, way, share) of the best match, or None."""
        if (number := self._exact.get(text.strip())) is not None:
            return self.names[number], "exact", 1.0
        plain = normalised(text)
        if plain and (number := self._normalised.get(plain)) is not None:
            return self.names[number], "normalised", 1.0
        counts: Counter[int] = Counter()
        for size in set(GRAM.values()):
            for gram in _grams(plain, size):
                counts.update(self._grams.get(gram, ()))
        shares = ((count / self._sizes[number], -number) for number, count in counts.items())
        share, number = max(shares, default=(0.0, 0))
        return (self.names[-number], "near", round(share, 3)) if share >= NEAR else None


def normalised(text: str) -> str:
    """Letters and digits in NFKC without case: width, spaces, punctuation and numbering marks do not count."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())


def script_of(plain: str) -> str:
    """han where at least half of the characters are Chinese, else latin."""
    return "han" if sum("\u3400" <= c <= "\u9fff" for c in plain) * 2 >= len(plain) else "latin"


def _grams(plain: str, size: int) -> set[str]:
    return {plain[n : n + size] for n in range(len(plain) - size + 1)}


def texts_of(value: Any, key: str = "") -> Iterator[str]:
    """Every text of a row that is asked or said, whatever its layout; names and keys of answers are passed over."""
    if isinstance(value, str):
        if key not in NOT_TEXT and value.strip():
            yield value
    elif isinstance(value, dict):
        if value.get("role") == "system" or value.get("from") == "system":
            return
        for name, one in value.items():
            if name not in NOT_TEXT:
                yield from texts_of(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from texts_of(one, key)


def read_protected(path: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of everything in a file of examination or held-out data: .jsonl(.xz), .json, .csv, .txt (a text a
    line), .zip of those. Raises FileNotFoundError, ValueError."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if not is_clutter(name) and name.endswith((".json", ".jsonl", ".jsonl.xz", ".csv", ".txt")):
                    yield from _protected(f"{path.name}/{name}", archive.read(name))
        return
    yield from _protected(path.name, path.read_bytes())


def _protected(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    text = (lzma.decompress(data) if name.endswith(".xz") else data).decode("utf-8-sig")
    if name.endswith(".csv"):
        rows: list[Any] = list(csv.DictReader(io.StringIO(text)))
    elif name.endswith(".json"):
        found = json.loads(text)
        rows = found if isinstance(found, list) else [found]
    elif name.endswith((".jsonl", ".jsonl.xz")):
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    elif name.endswith(".txt"):
        rows = text.splitlines()
    else:
        raise ValueError(f"{name}: protected texts are .jsonl, .jsonl.xz, .json, .csv, .txt or a .zip of these")
    for number, row in enumerate(rows, 1):
        for one in texts_of(row):
            yield f"{name}:{number}", one


def decontaminate(data: Sequence[Path], against: Sequence[Path], out: Path) -> dict[str, Any]:
    """Write each file of `data` without the rows that hold a protected text, removed.jsonl (where, never the text) and
    the certificate; returns the certificate. Raises FileNotFoundError, ValueError for rows that cannot be read or two
    files of one name."""
    if len({path.name for path in data}) < len(data):
        raise ValueError("two files of the data have one name; rename one, for they are written side by side")
    protected = ProtectedTexts()
    sides = {}
    for path in against:
        before = len(protected)
        for name, text in read_protected(path):
            protected.add(name, text)
        sides[path.name] = {"sha256": sha256_of(path), "texts": len(protected) - before}
    if not len(protected):
        raise ValueError("the protected files hold no text: nothing would be checked")
    out.mkdir(parents=True, exist_ok=True)
    found: list[Copy] = []
    written = {}
    for path in data:
        kept, rows = _without_copies(path, protected, out, found)
        written[path.name] = {
            "sha256_before": sha256_of(path), "sha256": sha256_of(out / path.name), "rows_before": rows, "rows": kept,
        }  # fmt: skip
    with whole(out / "removed.jsonl") as part:
        part.write_text("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in found), encoding="utf-8")
    method = {
        "ways": "exact, normalised (NFKC, case, width, spaces, punctuation), near (share of character n-grams of the "
        "protected text inside one training text)",
        "gram": GRAM, "near": NEAR, "shortest_within": SHORTEST,
    }  # fmt: skip
    said = {
        "data": written, "against": sides, "method": method, "removed": len({one.row for one in found}),
        "found": {way: sum(one.way == way for one in found) for way in ("exact", "normalised", "near")},
        "commit": commit_of(),
    }  # fmt: skip
    with whole(out / CERTIFICATE) as part:
        part.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return said


def _without_copies(path: Path, protected: ProtectedTexts, out: Path, found: list[Copy]) -> tuple[int, int]:
    """(rows kept, rows read); `found` grows. Raises ValueError for a row that cannot be read."""
    kept = rows = 0
    if not path.name.endswith(".jsonl"):
        raise ValueError(f"{path}: training data to be checked is .jsonl, one row a line")
    with whole(out / path.name) as part, part.open("w", encoding="utf-8") as file:
        for line, row in read_rows(path):
            if isinstance(row, ValueError):
                raise ValueError(f"{path}:{line}: {row}")
            rows += 1
            copies = [(f"{path.name}:{line}", *match) for text in texts_of(row) if (match := protected.find(text))]
            found += [Copy(*copy) for copy in copies]
            if not copies:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                kept += 1
    return kept, rows

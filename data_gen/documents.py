"""Documents -> passages: PDF (pypdf), EPUB (a zip of XHTML), Markdown and plain text, cut at paragraphs."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree

SUFFIXES = (".pdf", ".epub", ".md", ".markdown", ".txt")
#: Longest passage (characters). About 450 tokens of Chinese: a passage, a question and an answer fit into 2,048.
PASSAGE = 700
OVERLAP = 80
_BLOCKS = frozenset(("p", "div", "li", "h1", "h2", "h3", "h4", "h5", "h6", "br", "tr", "section", "blockquote"))
_UNSEEN = frozenset(("script", "style", "head"))


class DocumentProblem(ValueError):
    """A document that cannot be read: which, and what to do."""


def passages(path: Path, longest: int = PASSAGE) -> Iterator[tuple[str, str]]:
    """(place inside, text) of each passage: `page 3.1`, `chapter.xhtml.2`. Raises DocumentProblem."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    ends = ["\n\n", "\n", "。", "！", "？", ". ", "! ", "? ", "；", "; ", "，", ", ", " ", ""]
    overlap = min(OVERLAP, longest // 4)
    splitter = RecursiveCharacterTextSplitter(
        separators=ends, chunk_size=longest, chunk_overlap=overlap, keep_separator="end"
    )
    for part, text in sections(path):
        for number, piece in enumerate(splitter.split_text(text), 1):
            if piece.strip():
                yield f"{part}.{number}", piece.strip()


def sections(path: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of a document's pages or chapters, in order. Raises DocumentProblem."""
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        yield from _pdf(path)
    elif suffix == ".epub":
        yield from _epub(path)
    elif suffix in {".md", ".markdown"}:
        yield "text", _markdown(_read(path))
    elif suffix == ".txt":
        yield "text", _tidy(_read(path))
    else:
        raise DocumentProblem(f"{path}: documents end in {', '.join(SUFFIXES)}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentProblem(f"{path} is not UTF-8. Next step: iconv -f GBK -t UTF-8") from error


def _tidy(text: str) -> str:
    text = re.sub(r"[^\S\n]+", " ", text.replace("\r\n", "\n").replace("\r", "\n"))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" ?\n ?", "\n", text)).strip()


def _pdf(path: Path) -> Iterator[tuple[str, str]]:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        for number, page in enumerate(PdfReader(path).pages, 1):
            # A line's end inside a paragraph is the page's, not the author's.
            text = re.sub(r"(?<=[\u3400-\u9fff，、])\n(?=[\u3400-\u9fff])", "", page.extract_text())
            yield f"page {number}", _tidy(re.sub(r"(?<=[a-z,])\n(?=[a-z])", " ", text))
    except (PyPdfError, ValueError) as error:
        raise DocumentProblem(f"{path} cannot be read as PDF: {error}") from error


def _epub(path: Path) -> Iterator[tuple[str, str]]:
    """The chapters in the order of the book's spine."""
    try:
        with zipfile.ZipFile(path) as book:
            container = ElementTree.fromstring(book.read("META-INF/container.xml"))  # noqa: S314  no entities in 3.11
            root = next(e.attrib["full-path"] for e in container.iter() if e.tag.endswith("rootfile"))
            package = ElementTree.fromstring(book.read(root))  # noqa: S314
            files = {e.attrib["id"]: e.attrib["href"] for e in package.iter() if e.tag.endswith("}item")}
            for reference in (e.attrib["idref"] for e in package.iter() if e.tag.endswith("itemref")):
                name = str(PurePosixPath(root).parent / unquote(files[reference]))
                yield files[reference], html_text(book.read(name).decode("utf-8"))
    except (zipfile.BadZipFile, KeyError, StopIteration, ElementTree.ParseError, UnicodeDecodeError) as error:
        raise DocumentProblem(f"{path} is no whole EPUB: {error!r}") from error


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _UNSEEN
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _UNSEEN
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._hidden <= 0:
            self.parts.append(data)


def html_text(text: str) -> str:
    """What a reader of the HTML sees, a line for each block."""
    parser = _Text()
    parser.feed(text)
    parser.close()
    return _tidy("".join(parser.parts))


def _markdown(text: str) -> str:
    """Without fences of code, link targets, pictures and marks."""
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(?m)^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+)", "", text)
    return _tidy(re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", text))

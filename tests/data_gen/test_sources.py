"""Sources to material: each rule on a row written for it, documents of each kind, personal data, danger set aside."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from data_gen.documents import DocumentProblem, passages, sections
from data_gen.privacy import PrivacyRule, privacy_rules, scrubbed
from data_gen.sources import Counted, SourceOptions, is_crisis, read_materials, write_set_aside
from data_gen.types import Material

LONG = "最近换了工作，每天都很晚才回家，和家里人也说不上几句话，周末只想躺着，什么都不想做，心里很空。"
REPLY = "听上去这段时间你一直在撑着。可以先给自己留一小段什么都不做的时间，再慢慢和家里人说说。"


def read(tmp_path: Path, rows: list[dict[str, Any]], **options: Any) -> tuple[list[Material], Counted]:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    counted = Counted()
    return list(read_materials([file], SourceOptions("CC0-1.0", **options), counted)), counted


def qa(question: str = LONG, likes: int = 9, level: int = 2, **more: Any) -> dict[str, Any]:
    return {"question": question, "answers": [{"text": REPLY, "likes": likes, "level": level}], **more}


def test_a_question_keeps_its_best_answers(tmp_path: Path) -> None:
    answers = [{"text": f"{REPLY}第{n}条", "likes": n, "level": 1} for n in (3, 20, 8, 12, 6)]
    row = {
        "id": 7,
        "question": "很空",
        "description": LONG,
        "topic": "职场",
        "keywords": "疲惫,孤独",
        "answers": answers,
    }
    (found,), counted = read(tmp_path, [row])
    assert [part[-3:] for part in found.text.split("\n\n")] == ["20条", "12条", "第8条"]
    assert found.asked == f"很空\n{LONG}" and found.topic == "职场，疲惫，孤独"
    assert (found.kind, found.lang) == ("qa", "zh")
    assert found.id == "rows.jsonl:7" and found.place == "rows.jsonl:1" and counted.kept == counted.read == 1


def test_a_case_background_stands_alone(tmp_path: Path) -> None:
    (found,), _ = read(tmp_path, [{"id": "a", "background": LONG}])
    assert (found.kind, found.group, found.whole) == ("case", "case:rows.jsonl:a", LONG)


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        ("few_likes", qa(likes=4)),
        ("low_level", qa(level=0)),
        ("too_short", {"background": "睡不好"}),
        ("too_long", {"background": LONG * 30}),
        ("language", {"background": "сегодня очень плохой день и я совсем не знаю, что мне делать дальше с этим"}),
        ("near_copy", qa(question=LONG.replace("心里很空", "心里空"))),
        ("crisis", {"background": f"{LONG}我不想活了。"}),
        ("malformed", {"title": ""}),
        ("malformed", {"question": LONG}),
        ("malformed", {"question": LONG, "answers": [{"text": REPLY, "likes": "many"}]}),
    ],
)
def test_each_rule_finds_its_row(reason: str, row: dict[str, Any], tmp_path: Path) -> None:
    found, counted = read(tmp_path, [qa(), row], level=1, longest=1000)
    assert len(found) == 1 and counted.left_out == {reason: 1} and counted.read == 2
    report = write_set_aside(counted, [tmp_path / "rows.jsonl"], tmp_path)
    assert report.read == report.kept + sum(report.left_out.values())
    set_aside = (tmp_path / "crisis.jsonl").read_text(encoding="utf-8")
    assert ("不想活" in set_aside) == (reason == "crisis")


def test_danger_is_set_aside_before_anything_else_is_asked(tmp_path: Path) -> None:
    """A short row, and a near copy of a harmless one, that speak of danger are not merely dropped."""
    _, counted = read(tmp_path, [qa(), qa(question=f"{LONG}不想活了"), {"background": "我想死"}])
    assert counted.left_out == {"crisis": 2} and len(counted.crisis) == 2
    assert not is_crisis("我很担心考试") and is_crisis("I want to kill myself")


def test_csv_rows_of_one_question_are_joined(tmp_path: Path) -> None:
    with (tmp_path / "qa.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "answer_text", "LikeNum", "AnswerLevel"])
        writer.writerows([[LONG, f"{REPLY}甲", 6, 1], [LONG, f"{REPLY}乙", 30, 1], [LONG[::-1], REPLY, 1, 1]])
    counted = Counted()
    (found,) = read_materials([tmp_path / "qa.csv"], SourceOptions("CC0-1.0"), counted)
    assert found.text.startswith(f"{REPLY}乙\n\n{REPLY}甲") and counted.left_out == {"few_likes": 1}


@pytest.mark.parametrize("rule", privacy_rules(), ids=lambda rule: f"{rule.kind}-{rule.finds[0][:12]}")
def test_privacy_rules_find_and_pass_their_examples(rule: PrivacyRule) -> None:
    for text in rule.finds:
        said, counts = scrubbed(text, "zh")
        assert rule.zh in said and counts, text
    for text in rule.passes:
        assert scrubbed(text, "zh") == (text, {}), text


def test_personal_data_is_replaced_and_counted(tmp_path: Path) -> None:
    row = qa(question=f"{LONG}我叫李小明，电话13800138000，邮箱li@example.org。")
    (found,), counted = read(tmp_path, [row])
    assert found.asked.endswith("我叫[姓名]，电话[电话]，邮箱[邮箱]。")
    assert counted.scrubbed == {"name": 1, "phone": 1, "email": 1}
    assert scrubbed("call (212) 555-0142", "en")[0] == "call [phone]"


def test_html_of_crawled_rows_is_read_as_text(tmp_path: Path) -> None:
    (found,), _ = read(tmp_path, [{"background": f"<p>{LONG}</p><script>x()</script><p>A&amp;B 不写</p>"}])
    assert found.asked == f"{LONG}\n\nA&B 不写"


def test_markdown_text_and_epub_become_passages(tmp_path: Path) -> None:
    marked = "# 共情\n\n**共情**是[理解](http://x)他人的感受。\n\n```\ncode\n```\n"
    (tmp_path / "a.md").write_text(marked, encoding="utf-8")
    (tmp_path / "b.txt").write_text("第一句话在这里。" * 30, encoding="utf-8")
    chapter = "<html><head><title>t</title></head><body><h1>One</h1><p>Empathy is understanding.</p></body></html>"
    with zipfile.ZipFile(tmp_path / "c.epub", "w") as book:
        book.writestr("META-INF/container.xml", '<c xmlns="u"><rootfile full-path="in/b.opf"/></c>')
        items = '<item id="y" href="2.xhtml"/><item id="x" href="1.xhtml"/>'
        spine = '<itemref idref="x"/><itemref idref="y"/>'
        book.writestr("in/b.opf", f'<p xmlns="u"><manifest>{items}</manifest><spine>{spine}</spine></p>')
        book.writestr("in/1.xhtml", chapter)
        book.writestr("in/2.xhtml", chapter.replace("One", "Two"))
    assert list(sections(tmp_path / "a.md")) == [("text", "共情\n\n共情是理解他人的感受。")]
    cut = list(passages(tmp_path / "b.txt", 100))
    assert len(cut) > 2 and all(len(text) <= 100 and text.endswith("。") for _, text in cut) and cut[0][0] == "text.1"
    assert [text for _, text in sections(tmp_path / "c.epub")] == [
        "One\n\nEmpathy is understanding.", "Two\n\nEmpathy is understanding."]  # fmt: skip
    (tmp_path / "d.epub").write_bytes(b"no zip")
    with pytest.raises(DocumentProblem, match="no whole EPUB"):
        list(sections(tmp_path / "d.epub"))
    with pytest.raises(DocumentProblem, match=r"documents end in \.pdf"):
        list(sections(tmp_path / "e.doc"))


def test_a_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    with PdfPages(tmp_path / "a.pdf") as pdf:
        for text in ("Empathy is the understanding of another person.", "Silence can help as well."):
            figure = Figure()
            figure.text(0.1, 0.5, text)
            pdf.savefig(figure)
    found = list(sections(tmp_path / "a.pdf"))
    assert [name for name, _ in found] == ["page 1", "page 2"] and "understanding of another" in found[0][1]
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 broken")
    with pytest.raises(DocumentProblem, match="cannot be read as PDF"):
        list(sections(tmp_path / "b.pdf"))


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name the licence"):
        SourceOptions(" ")
    with pytest.raises(FileNotFoundError, match="no such file"):
        list(read_materials([tmp_path / "none.jsonl"], SourceOptions("CC0-1.0"), Counted()))
    (tmp_path / "a.xls").write_bytes(b"")
    with pytest.raises(ValueError, match=r"sources end in \.jsonl"):
        list(read_materials([tmp_path / "a.xls"], SourceOptions("CC0-1.0"), Counted()))

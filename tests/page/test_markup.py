"""The Markdown subset of replies."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.page.markup import to_html


@pytest.mark.parametrize(("reply", "shown"), [
    ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
    ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
    ("__bold__ and _soft_", "<p><strong>bold</strong> and <em>soft</em></p>"),
    ("- a\n- b\n\n- c", "<ul><li>a</li><li>b</li><li>c</li></ul>"),
    ("3. a\n4) b", '<ol start="3"><li>a</li><li>b</li></ol>'),
    ("> said\n> she", "<blockquote><p>said<br>she</p></blockquote>"),
    ("use `a*b*` now", "<p>use <code>a*b*</code> now</p>"),
    ("```\n<b>\n x\n```\nafter", "<pre><code>&lt;b&gt;\n x</code></pre><p>after</p>"),
    ("## A title\ntext", "<p><strong>A title</strong><br>text</p>"),
    ("2 * 3 * 4, snake_case_name, 5*6*7", "<p>2 * 3 * 4, snake_case_name, 5*6*7</p>"),
    ("an **open end", "<p>an **open end</p>"),
    ("你好，**别急**。", "<p>你好，<strong>别急</strong>。</p>"),
    ("", ""), ("   \n ", ""),
])  # fmt: skip
def test_a_reply_becomes_html(reply: str, shown: str) -> None:
    assert to_html(reply) == shown


@pytest.mark.parametrize("reply", [
    "<script>alert(1)</script>", "![x](http://a.b/c.png)", "[x](javascript:alert(1))", "<http://a.b>", "`<img src=x>`",
    "> <b onclick=1>", "- **<i>**", "```\n</code><script>",
])  # fmt: skip
def test_no_html_link_or_image_comes_through(reply: str) -> None:
    made = to_html(reply)
    assert not re.search(r"<(?!/?(p|br|strong|em|ul|ol|li|blockquote|pre|code)\b)", made)
    assert not re.search(r"<[a-z]+ (?!start=\"\d)|href=", made)


@given(st.text(alphabet="*_`>-# 1.\n<a&~中", max_size=60))
def test_any_text_gives_balanced_harmless_html(reply: str) -> None:
    made = to_html(reply)
    open_tags: list[str] = []
    for closing, name in re.findall(r"<(/?)([a-z]+)[^>]*>", made):
        if name == "br":
            continue
        if closing:
            assert open_tags and open_tags.pop() == name
        else:
            open_tags.append(name)
    assert not open_tags
    assert not re.search(r"<(?!/?(p|br|strong|em|ul|ol|li|blockquote|pre|code)\b)", made)


def test_a_deep_quote_ends() -> None:
    assert to_html(">" * 5000 + " x").count("<blockquote>") <= 4

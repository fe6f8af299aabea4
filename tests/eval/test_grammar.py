"""The answer grammar: a thousand planted styles, and wrong ones that must not be credited."""

from __future__ import annotations

import itertools

import pytest

from eval.exam.grammar import extract

SINGLE = (
    "{0}",
    " {0}。",
    "**{0}**",
    "（{0}）",
    "[{0}]",
    "【{0}】",
    "{0}. 心理咨询的目标",
    "{0}、建立关系",
    "答案：{0}",
    "答案是{0}",
    "答案为 {0}。",
    "正确答案是：{0}",
    "正确答案：**{0}**",
    "最终答案: ({0})",
    "本题选{0}。",
    "应选{0}",
    "我选择{0}选项。",
    "选 {0}",
    "所以选{0}。",
    "因此，答案是{0}。",
    "故选：{0}",
    "综上，正确的选项是{0}。",
    "符合题意的是{0}",
    "最恰当的做法是{0}。",
    "{0}是正确的。",
    "{0}项正确。",
    "答：{0}",
    "选项{0}",
    "The answer is {0}.",
    "Answer: {0}",
    "answer: ({0})",
    "The correct answer is option {0}.",
    "Final answer: **{0}**",
    "I choose {0}.",
    "I would go with {0}.",
    "Option {0}",
    "{0} is correct.",
    "{0} is the best answer.",
    "The best choice is {0}",
    r"\boxed{{{0}}}",
    r"$\boxed{{\text{{{0}}}}}$",
    "The correct one is {0}.",
    "My answer: {0}",
    "{0}) because of the frame",
    "<answer>{0}</answer>",
)
BEFORE = (
    "",
    "让我逐项分析。A类事件很少见，B型人格也不相关。\n",
    "题目问的是职业道德。选项A、B看起来都有道理，但需要仔细辨别。\n",
    "<think>也许是{1}？不，{1}不对。</think>",
    "首先排除{1}，因为它不符合。\n",
    "{1}是错误的，因为太绝对。\n",
    "Let me think. Plan B was common; vitamin C is irrelevant.\n",
    "Option {1} is wrong because it is too absolute.\n",
    "I first thought of another one, not {1}.\n",
    "我一开始觉得答案是{1}，但再想想不对。\n",
)
STYLES = [
    (before, style, letter, other)
    for (before, style), (letter, other) in zip(
        itertools.product(BEFORE, SINGLE),
        itertools.cycle([("A", "C"), ("B", "D"), ("C", "A"), ("D", "B")]),
        strict=False,
    )
]
MULTIPLE = (
    "{abc}",
    "答案：{abc}",
    "答案是{list_zh}",
    "应选{list_zh}。",
    "正确的有{list_zh}",
    "（{list_zh}）",
    "正确答案为 {list_comma}",
    "本题选{spaced}",
    "The answers are {list_en}.",
    "Answer: {list_comma}",
    "{list_en} are correct.",
    "Options {list_en} are all correct.",
    "**{abc}**",
    "选项{list_zh}均正确。",
    "我选{a}和{c}，以及{b}。",
)
FULL = str.maketrans("ABCDEFGH()", "ＡＢＣＤＥＦＧＨ（）")


def planted() -> list[tuple[str, str, str]]:
    """(reply, kind, letters)."""
    found = [
        (before.format(0, other) + style.format(letter), "single", letter) for before, style, letter, other in STYLES
    ]
    found += [(style.format(letter).translate(FULL), "single", letter) for style in SINGLE[:28] for letter in "ABCD"]
    for letters in ("ABC", "ABD", "ACD", "BCD", "AB", "CD"):
        for before in BEFORE[:4]:
            for style in MULTIPLE:
                if "{c}" in style and len(letters) < 3:
                    continue
                a, b, c = (*letters, *letters)[:3]
                reply = style.format(
                    abc=letters,
                    a=a,
                    b=b,
                    c=c,
                    list_zh="、".join(letters),
                    list_comma=", ".join(letters),
                    spaced=" ".join(letters),
                    list_en=", ".join(letters[:-1]) + f" and {letters[-1]}",
                )
                found.append((before.format("", "D") + reply, "multiple", letters))
    return found


def test_a_thousand_styles_are_read_right() -> None:
    styles = planted()
    assert len(styles) >= 900
    wrong = [
        (reply, extract(reply, "ABCD", kind))
        for reply, kind, letters in styles  # type: ignore[arg-type]
        if extract(reply, "ABCD", kind).letters != frozenset(letters)
    ]  # type: ignore[arg-type]
    assert len(wrong) <= 0.005 * len(styles), wrong[:20]
    assert not [reply for reply, found in wrong if found.found == "answered"], "a wrong letter was credited"


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "我不知道。",
        "A类事件与B型人格有关，需要进一步分析。",
        "A. 共情\nB. 尊重\nC. 积极关注\nD. 保密",
        "These are all good options.",
        "vitamin B and plan C",
        "请提供更多信息。",
        "E",
        "答案是E",
        "The answer is a matter of taste.",
        "a good listener",
        "答案是A还是B，很难说",
        "A, B are both plausible.",
        "A，B都有可能，无法确定。",
        "<think>答案是A",
        "I cannot choose between them.",
        "A不对，B也不对。",
    ],
)
def test_what_is_no_answer_is_not_guessed(reply: str) -> None:
    assert extract(reply, "ABCD", "single").found == "unparsed"


@pytest.mark.parametrize(
    "reply", ["以上都不对", "没有正确选项。", "None of the above.", "我看答案是A……不，以上选项都不正确。"]
)
def test_none_is_an_answer_of_its_own(reply: str) -> None:
    assert extract(reply, "ABCD", "single").found == "none"


@pytest.mark.parametrize(
    ("reply", "letters"),
    [
        ("答案不是B，而是C。", "C"),
        ("The answer is not B but C.", "C"),
        ("先看A，A是错误的；B正确。", "B"),
        ("不选A，选D", "D"),
        ("答案是A。不对，再想想，答案是B。", "B"),
        ("正确答案：A\n解析：B、C、D不正确。", "A"),
        ("answer: b", "B"),
        ("B（共情）", "B"),
        ("B\n\n解析：因为它最符合。", "B"),
        ("B，因为共情是基础。", "B"),
        ("我认为是B", "B"),
        ("It's B", "B"),
        ("【答案】B", "B"),
        ("Therefore, option A.", "A"),
        ("Choice: B", "B"),
        ("正确选项：B", "B"),
        ("Answer - C", "C"),
        ("B都对", "B"),
        ("I think D.", "D"),
    ],
)
def test_negations_and_second_thoughts(reply: str, letters: str) -> None:
    assert extract(reply, "ABCD", "single").letters == frozenset(letters)


def test_two_letters_for_a_single_choice_are_unparsed() -> None:
    assert extract("答案是A、B", "ABCD", "single").found == "unparsed"
    assert extract("答案是A、B", "ABCD", "multiple").letters == {"A", "B"}

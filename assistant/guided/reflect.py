"""Reflective listening: gives one clause of what the person said back, in the second person, or admits that none fits.

In the manner of Weizenbaum's ELIZA (1966), with one difference: where the grammar might go wrong it gives nothing back.
"""

# ruff: noqa: E501 (one pattern a line is easier to review than a wrapped one)

from __future__ import annotations

import re

from assistant.guided.cues import ACTS, feelings_in, topics_in
from llm.types import Locale

#: The length of a clause that is given back: English words, Chinese characters.
MIN_WORDS, MAX_WORDS = 3, 18
MIN_HAN, MAX_HAN = 4, 24

_SWAP = {
    "i": "you", "i'm": "you're", "im": "you're", "i've": "you've", "ive": "you've", "i'd": "you'd", "i'll": "you'll",
    "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are",
}  # fmt: skip
_WAS = {"was": "were", "wasn't": "weren't", "am": "are"}
# A verdict on oneself, or that nothing can change: not to be given back as if it were so.
_VERDICT = re.compile(
    r"\bi('?m| am| was| will always be)( just| such| really| so| always)* (an? )?(\w+ )?(bad|terrible|awful|horrible|stupid|idiot|weak|"
    r"failure|loser|useless|worthless|pathetic|broken|crazy|selfish|monster|mess|burden|nothing|hopeless|disgusting|lazy|fat|ugly)\b|"
    r"\bi('ll| will|'m going to| am going to) (never|always|fail|lose|mess|ruin|end up|be alone)|\bi (never|won't|can't) (get|do|be|find|make) (any|it|better|good|a )|"
    r"我.{0,3}(考不上|过不了|做不到|完了|会失败|好不了)|"
    r"\b(my|his|her|their) fault\b|\bdeserved? (it|this|that)\b|\bblame (me|myself)\b|怪我|我的错|活该|"
    r"\balways (ruin|mess|fail|screw|spoil|break|hurt|disappoint)\w*|\bcan'?t do anything right|"
    r"\b(no ?one|nobody) (will |would |could )?(ever )?(love|like|want|care|miss)\w*|\bnothing (will )?(ever )?(change|get|work|matter)\w*|"
    r"我(真|就|太|好|是个?|就是个?|很)+.{0,3}(差|糟|坏|笨|蠢|没用|失败|废|懦弱|可悲|恶心|自私|丑|懒)|没有?人(会|能)?(爱|喜欢|在乎|需要)我|什么都(不会|没)(变|用|意义)|什么都做不好|总是?(搞砸|弄砸|做错|拖累|失败)",
    re.I,
)
_FIRST = re.compile(r"\b(i|my|me|i'm|im|i've|ive|i'd|i'll|myself)\b|我", re.I)
# First words that lose their capital inside a sentence.
_SMALL = {
    "the", "a", "an", "he", "she", "it", "they", "we", "nobody", "no", "everyone", "everybody", "everything", "nothing",
    "every", "all", "this", "that", "there", "sometimes", "people", "his", "her", "their", "it's", "he's", "she's",
    "they're", "someone", "being", "having", "not", "still", "never",
}  # fmt: skip
# What others say is not the person's own.
_REPORTED = re.compile(r"\b(say|says|saying|said|told|tells|asked|asks|calls?|called)\b|说|讲|叫我|骂|问我", re.I)
_LEADING_EN = re.compile(
    r"^(?:(?:well|so|and|but|because|then|also|just|yeah|yes|no|ok|okay|oh|honestly|actually|anyway|i mean|you know|i think(?! about| of)|"
    r"i guess|i suppose|it's just that|it's that|today|lately|right now|like)\b[, ]*)+", re.I
)  # fmt: skip
_TRAILING_EN = re.compile(r"[, ]+(?:though|too|lol|haha|tbh|btw|anyway)(?=[.!?]*$)", re.I | re.M)
_SPLIT_EN = re.compile(
    r"[.!?;\n…]+|\s[-–—]\s|,?\s+(?=(?:but|because|although|though)\s)|,\s+(?=so\s)|,\s+(?=(?:and\s+)?(?:i|i'm|my)\b)",
    re.I,
)
_SUBORDINATE = re.compile(r"\s+(?=(?:when|while|since|after|before|until|and|who|which|where)\s)", re.I)
_UNFIT_EN = re.compile(
    r"^(?:if|when|although|unless)\b|\b(you|your|you're|yourself|we're both|this program)\b|https?:|[\"“”{}<>|\\`*_#=]|\d{4,}",
    re.I,
)
_LEADING_ZH = re.compile(
    r"^(?:因为|所以|但是?|可是|可|然后|就是|其实|而且|不过|反正|就|嗯+|唉+|哎+|啊|那个|还有|结果|总之|说实话|好像|主要是|是)+"
)
_TRAILING_ZH = re.compile(r"(?:了吧|吧|啊|呀|呢|嘛|哦|啦|哎|的说)+$")
_SPLIT_ZH = re.compile(r"[，,。.！!？?；;：:\n…、~～\s]+")
_UNFIT_ZH = re.compile(
    r"^(?:如果|要是|虽然|当)|[你您吗]|是不是|什么(?!都)|怎么(?!样)|为何|为什么|https?:|[\"“”{}<>|\\`*_#=]|\d{4,}"
)


def reflect(text: str, locale: Locale) -> str:
    """The clause that carries the message, turned to the second person, or "". A verdict on themselves is not given
    back: it would sound confirmed."""
    plain = text.replace("’", "'")
    clauses = _clauses_zh(plain) if locale == "zh" else _clauses_en(plain)
    unfit = (ACTS["dark"], _REPORTED)
    clauses = [one for one in clauses if _FIRST.search(one) and not any(form.search(one) for form in unfit)]
    if not clauses:
        return ""
    best = max(clauses, key=_weight)
    if _VERDICT.search(best):
        return ""
    return best.replace("我就是", "我").replace("我", "你") if locale == "zh" else _turned(best)


def _weight(clause: str) -> float:
    return 2.0 * bool(feelings_in(clause)) + 1.5 * bool(topics_in(clause)) + 0.01 * len(clause)


def _clauses_en(text: str) -> list[str]:
    found = []
    text = _TRAILING_EN.sub("", text)
    for sentence in re.findall(r"[^.!?;\n…]+[.!?;\n…]*", text):
        if "?" in sentence:
            continue
        for part in _SPLIT_EN.split(sentence):
            clause = _LEADING_EN.sub("", part.strip(" ,:-")).strip(" ,:-")
            if len(clause.split()) > MAX_WORDS:  # its first part, where that can stand alone
                clause = _SUBORDINATE.split(clause)[0]
            if MIN_WORDS <= len(clause.split()) <= MAX_WORDS and not _UNFIT_EN.search(clause) and clause.isprintable():
                found.append(clause)
    return found


def _clauses_zh(text: str) -> list[str]:
    found = []
    for part in _SPLIT_ZH.split(text):
        clause = _TRAILING_ZH.sub("", _LEADING_ZH.sub("", part.strip()))
        fits = not _UNFIT_ZH.search(clause) and not _UNFIT_ZH.search(part.strip())
        if MIN_HAN <= len(clause) <= MAX_HAN and fits and clause.isprintable():
            found.append(clause)
    return found


def _turned(clause: str) -> str:
    words, turned = clause.split(), []
    if words[0].lower() in _SMALL:
        words[0] = words[0].lower()
    for index, word in enumerate(words):
        bare = word.strip(",'\"()").lower() if word.lower() not in _SWAP else word.lower()
        before = words[index - 1].strip(",").lower() if index else ""
        swapped = _WAS.get(bare) if before == "i" else None
        swapped = swapped or _SWAP.get(bare)
        turned.append(word.lower().replace(bare, swapped) if swapped else word)
    return " ".join(turned)

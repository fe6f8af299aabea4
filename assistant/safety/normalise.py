"""One way of writing for many: what the rules read instead of the raw message. Pure functions, linear in the text."""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]")

# Traditional to simplified, for the characters that the rules use.
_TRADITIONAL = str.maketrans(
    "殺結束沒嗎說話還這個們過來時為開關樓頂橋藥燒繩買準備遺書後與會對變媽爸聽聲讓幾點覺難壞氣飛車軌撐絕無義離兒體單處從現場馬"
    "邊種樣誰頭給腦愛電腕劃傷殘應該負擔輕鬆見講實夠攢發簡訊寫麼臺陽窗險終於別壓斷線盡條歲國學業師醫喫親戚戶門擊揮輛願醒歸傢"
    "週號樂戲劇電視論壇網嗚嚇鬧恐怖驗強姦脅勒虐淚紅髮剛灌農殯葬贖罪錯誤繼續總餘瀕臨躍縱澆淹溺",
    "杀结束没吗说话还这个们过来时为开关楼顶桥药烧绳买准备遗书后与会对变妈爸听声让几点觉难坏气飞车轨撑绝无义离儿体单处从现场马"
    "边种样谁头给脑爱电腕划伤残应该负担轻松见讲实够攒发简讯写么台阳窗险终于别压断线尽条岁国学业师医吃亲戚户门击挥辆愿醒归家"
    "周号乐戏剧电视论坛网呜吓闹恐怖验强奸胁勒虐泪红发刚灌农殡葬赎罪错误继续总余濒临跃纵浇淹溺",
)
# Written Cantonese, for the words that the rules use.
_CANTONESE = str.maketrans("唔冇係嘅佢咗喺嚟啲", "不没是的他了在来些")
# Letters of other alphabets that pass for Latin ones.
_LOOKALIKES = str.maketrans("аеорсухіԁгкмтнвѕјɑıο", "aeopcyxidrkmthbsjaio")
# Digits and signs inside a word that stand for letters: su1c1de, d!e, k1ll, $uicide.
_LEET = str.maketrans("013457@$!", "oieastasi")
_LEET_WORD = re.compile(r"\b(?=[a-z013457@$!]*[a-z])(?=[a-z013457@$!]*[013457@$!])[a-z$@013457][a-z013457@$!*]*[a-z](?![\w@$])", re.A)
_LETTERS_APART = re.compile(r"(?<![a-z0-9])(?:[a-z][ .\-_*~|/]{1,3}){3,60}[a-z](?![a-z0-9])")
_HAN = "\u3400-\u9fff"
_HAN_APART = re.compile(rf"(?<=[{_HAN}])[ \t.\-_*~|/·・、\\+]{{1,3}}(?=[{_HAN}])")
#: Words that matter, and what stands one slip of the finger away from them but is another word.
_KEYWORDS = ("suicide", "suicidal", "myself", "tonight", "overdose", "overdosed", "goodbye", "swallowed", "paracetamol", "yourself", "anymore")
_OTHER_WORDS = {"suicides", "overdosed", "overdose", "overdone", "overdoses", "thyself"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _slips(word: str) -> set[str]:
    """All strings one deletion, swap, replacement or insertion away (Norvig's edits1), the first letter kept."""
    cuts = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
    near = {a + b[1:] for a, b in cuts if b} | {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    near |= {a + c + b[1:] for a, b in cuts if b for c in _LETTERS} | {a + c + b for a, b in cuts for c in _LETTERS}
    return near - {word}


_MISSPELT = {slip: word for word in _KEYWORDS for slip in _slips(word) if slip not in _OTHER_WORDS and slip not in _KEYWORDS}
_MISSPELT |= {"wnat": "want", "wantt": "want", "waant": "want", "klil": "kill", "kil": "kill", "kiil": "kill", "dei": "die", "sucide": "suicide",
              "suiside": "suicide", "sewicide": "suicide", "mysefl": "myself", "myslf": "myself", "liev": "live", "alvie": "alive", "gonan": "going to", "tonite": "tonight"}  # fmt: skip
_WORD = re.compile(r"[a-z]{3,12}")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
# How people write around a filter. Left: as written (after the steps above); right: what is meant.
_EUPHEMISMS = (
    (re.compile(r"紫砂(?!壶|茶|杯|锅|泥|陶|器|煲)|自鲨|自沙|自纱|zi ?sha\b|(?<![a-z])zs(?![a-z])(?=.{0,6}(?:了|吧|算了|的念头|的想法))", re.A), "自杀"),
    (re.compile(r"想(?:4+|亖|嗝屁|4掉|s|si|屎|鼠)(?![a-z0-9岁个点年月号天次人])", re.A), "想死"),
    (re.compile(r"(?<![a-z])xs(?=的(?:念头|想法|冲动))", re.A), "想死"),
    (re.compile(r"噶了?(?=自己|我自己)", re.A), "杀了"),
    (re.compile(r"去(?:4|亖|si|s)(?![a-z0-9])", re.A), "去死"),
    (re.compile(r"跳(?:lou|l)(?![a-z])|(?<![a-z])tl(?![a-z])(?=了|算了|吧)", re.A), "跳楼"),
    (re.compile(r"(?<![a-z0-9])gw(?=了|的|过)|割wan|割手腕", re.A), "割腕"),
    (re.compile(r"鲨了(?=自己|我自己)|鲨(?=自己)", re.A), "杀了"),
    (re.compile(r"\bkms\b|\bkill my ?self+\b|\bkil+ ?m[yi] ?s[ea]lf\b|\bkilling my ?self\b", re.A), "kill myself"),
    (re.compile(r"\bun-? ?aliv(?:e|ed|ing)(?= (?:him|her|them|my ?self|some|people))", re.A), "kill"),
    (re.compile(r"\bun-? ?aliv(?:e|ing)\b", re.A), "kill myself"),
    (re.compile(r"\bki+l+ ?(?:my|me) ?self+\b|\bki+l+ m[yei]s\b", re.A), "kill myself"),
    (re.compile(r"\bmeself\b", re.A), "myself"),
    (re.compile(r"\bsewer ?slide\b|\bsewerside\b|\bself ?deletion\b", re.A), "suicide"),
    (re.compile(r"\bsu?icid(?=e|al)|\bsuicd(?=e|al)|\bsu[*#]c[*#]de\b|\bs[*]{2,}cide\b", re.A), "suicid"),
    (re.compile(r"\bctb\b", re.A), "suicide"),
    (re.compile(r"\bs/h(?:ing|ed)?\b|\bself ?h[*]rm", re.A), "self harm"),
    (re.compile(r"\bdi(?:e|i)+\b", re.A), "die"),
    (re.compile(r"\bwan+a+\b", re.A), "want to"),
    (re.compile(r"\bgon+a\b|\bimma\b|\bfinna\b|\bboutta\b", re.A), "going to"),
    (re.compile(r"\brn\b", re.A), "right now"),
    (re.compile(r"\btn\b|\b2nite\b|\btonite\b", re.A), "tonight"),
    (re.compile(r"\banymor\b|\bany more\b", re.A), "anymore"),
    (re.compile(r"(?<![a-z])bu ?xiang ?huo(?: ?le)?(?![a-z])", re.A), "不想活了"),
    (re.compile(r"(?<![a-z])xiang ?si(?: ?le)?(?![a-z])", re.A), "想死了"),
    (re.compile(r"(?<![a-z])tiao ?lou(?![a-z])", re.A), "跳楼"),
    (re.compile(r"(?<![a-z])ge ?wan(?![a-z])", re.A), "割腕"),
    (re.compile(r"跳落去", re.A), "跳下去"),
    (re.compile(r"顶不顺", re.A), "撑不住"),
)  # fmt: skip
# Letters written apart are joined; these longer forms get their spaces back.
_JOINED = {
    "killmyself": "kill myself", "iwanttodie": "i want to die", "wanttodie": "want to die", "endmylife": "end my life",
    "iwanttokillmyself": "i want to kill myself", "cutmyself": "cut myself", "suicide": "suicide", "suicidal": "suicidal",
    "enditall": "end it all", "hangmyself": "hang myself", "iwannadie": "i want to die", "wannadie": "want to die",
}  # fmt: skip


def normalise(text: str) -> str:
    """`text` in lower case, NFKC, simplified characters, without hidden characters, apostrophes and apart-written letters,
    with common evasions spelled out. Line ends stay. Nothing is cut: danger may stand at the end."""
    text = unicodedata.normalize("NFKC", _HIDDEN.sub("", text)).lower()
    text = text.translate(_TRADITIONAL).translate(_CANTONESE).translate(_LOOKALIKES)
    text = "".join(ch for ch in text if ch == "\n" or not unicodedata.category(ch).startswith("C"))
    text = re.sub(r"\bo\.?d\.?['’]?e?d\b", "overdosed", text)
    text = text.replace("'", "").replace("\u2019", "").replace("`", "")
    text = _LEET_WORD.sub(lambda match: match[0].translate(_LEET), text)
    text = _LETTERS_APART.sub(_join, text)
    text = _HAN_APART.sub("", text)
    text = _STRETCHED.sub(r"\1\1", text)
    text = _WORD.sub(lambda match: _MISSPELT.get(match[0], match[0]), text)
    for pattern, meant in _EUPHEMISMS:
        text = pattern.sub(meant, text)
    return text


def _join(match: re.Match[str]) -> str:
    word = re.sub(r"[^a-z]", "", match[0])
    return _JOINED.get(word, word)


_SENTENCE = re.compile(r"[^.!?。！？\n;；…]+")
_CLAUSE = re.compile(r"[,，:：(（)）\"“”]| - |\b(?:but|though|however|yet|except)\b|(?:但是|但|(?<![活撑熬挺捱挨躲逃受气忍扛])不过|可是|然而)")


def sentences(text: str) -> list[list[str]]:
    """The clauses of each sentence of a normalised text, without the empty ones."""
    found = []
    for match in _SENTENCE.finditer(text):
        clauses = [part.strip() for part in _CLAUSE.split(match[0]) if part and part.strip()]
        if clauses:
            found.append(clauses)
    return found

"""What the product itself says inside a reply, apart from any model: stored with the reply, kept from the next
prompt."""

from __future__ import annotations

from llm.types import Locale

NOTICES: dict[str, dict[Locale, str]] = {
    "model_silent": {
        "en": "(The language model does not answer right now. The built-in companion, which is simpler, replies "
        "instead. Your message is kept.)",
        "zh": "（语言模型现在没有回应，先由内置的简单陪伴程序来回答。你的话已保留。）",
    },
    "model_broke_off": {
        "en": "(The language model broke off here. What arrived is kept; the built-in companion, which is simpler, "
        "carries on.)",
        "zh": "（语言模型在这里中断了。已收到的内容保留，下面由内置的简单陪伴程序继续。）",
    },
    "nothing_usable": {
        "en": "(The language model's answer could not be used. The built-in companion, which is simpler, replies "
        "instead.)",
        "zh": "（语言模型的回答无法使用，先由内置的简单陪伴程序来回答。）",
    },
    "empty": {
        "en": "No words arrived. Write whatever is there, even one word; there is no wrong way to begin.",
        "zh": "没有收到文字。想到什么就写什么，一个词也可以，怎么开头都行。",
    },
}


def without_notices(reply: str) -> str:
    """`reply` without the product's own remarks, so that a model does not read them as its own words."""
    for texts in NOTICES.values():
        for text in texts.values():
            reply = reply.replace(text, "")
    return reply

"""Words about dying or self-harm below the crisis path, and the answer to being asked about them."""

from __future__ import annotations

import re

from assistant.guided import leading
from assistant.guided.answering import SHORT
from assistant.guided.moment import Moment

_YES = re.compile(
    r"^((yes|yeah|yep|ok(ay)?|sure|please)\b|好|嗯|可以|行|要|愿意|想|是|有|在想)"
    r"(?!.*\b(but|not)\b)(?!.*(但|不过|不))",
    re.I,
)
_NO = re.compile(r"^(no|nope|nah)\b|^not (now|really|today|yet)\b|^i'?m not\b|^(不(?!知|清|好说|晓)|没|算了)", re.I)


def is_near(moment: Moment) -> bool:
    """Whether the words name it, or answer the direct question of the last reply."""
    return moment.heard.dark or (moment.before.asked == "dark" and _answers(moment.text))


def meet(moment: Moment) -> str:
    """The direct question; after its answer, what follows."""
    leading.pause(moment)
    if moment.before.asked == "dark" and _answers(moment.text):
        if _NO.search(moment.text):
            return moment.line("dark_no")
        moment.change(asked="dark")
        return moment.line("dark_yes")
    moment.change(asked="dark")
    return moment.line("dark")


def _answers(text: str) -> bool:
    return len(text) <= SHORT and bool(_NO.search(text) or _YES.search(text))

"""Who writes traditional characters gets the replies in them."""

import pytest

from assistant.guided import Guided
from assistant.respond import respond
from assistant.script import in_script, script_of
from perception.types import EmotionalState


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (["我睡不着，明天还要上班"], ""),
        (["幫我想一句跟店長講的話"], "tw"),
        (["喺麥記溫緊書，十一點半"], "hk"),
        (["好", "躺下去就開始想明天"], "tw"),  # nothing shows in it: the message before decides
        (["好", "嗯"], ""),
        (["I can't sleep"], ""),
        ([], ""),
    ],
)
def test_the_script_is_read_from_the_last_message_that_shows_one(texts: list[str], script: str) -> None:
    assert script_of(texts) == script


def test_words_follow_the_place_and_not_only_the_characters() -> None:
    assert in_script("我是软件，晚上给你打电话。", "tw") == "我是軟體，晚上給你打電話。"
    assert in_script("我是软件，晚上给你打电话。", "hk") == "我是軟件，晚上給你打電話。"
    assert in_script("我是软件。", "") == "我是软件。"


@pytest.mark.parametrize("text", ["你是真人嗎？", "我唔想活喇，想死"])
def test_every_reply_is_shown_in_the_persons_characters(text: str) -> None:
    talk = respond(text, EmotionalState.unknown(), [], Guided(), locale="zh")
    shown = ""
    while True:
        try:
            shown += next(talk)
        except StopIteration as end:
            turn = end.value
            break
    assert shown == turn.reply
    assert script_of([turn.reply]) in {"tw", "hk"}
    assert "这" not in turn.reply and "们" not in turn.reply


def test_a_reply_that_was_shown_in_traditional_characters_is_not_given_again() -> None:
    history, replies = [], []
    for _ in range(3):
        talk = respond("你是真人嗎？", EmotionalState.unknown(), history, Guided(), locale="zh")
        while True:
            try:
                next(talk)
            except StopIteration as end:
                history.append(end.value)
                replies.append(end.value.reply)
                break
    assert len(set(replies)) == 3

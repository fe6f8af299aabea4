"""What the companion carries on: through prompts, replies, turns and the store, and never recovered from wording."""

from __future__ import annotations

import json

import pytest

from assistant.carried import from_text, interrupted, to_text
from assistant.guided import Guided, tables
from assistant.guided.exercises import EXERCISES
from assistant.guided.facts import recall
from assistant.guided.hearing import hear
from assistant.guided.moment import Moment
from assistant.respond import respond
from assistant.store.codec import turn_from_json, turn_to_dict, turn_to_json
from assistant.types import Fact, GuidedState, Turn
from llm.base import ChatModel, ModelUnavailable
from llm.client.scripted import Scripted
from perception.types import EmotionalState
from tests.assistant.store_turns import make_turn

STATE = GuidedState(
    exercise="thought", step=3, paused=True, answers=(("situation", "a “quoted” {brace}"),), finished=("box",),
    offered="resume", offers=("box", "thought"), declined=("worry",), asked="topic.work", said=(("ack", 2),),
    moods=(4, 6), topics=("work", "sleep"), facts=(Fact("relation", "my sister moved to Leeds", "sister"),),
    ways=("telling",),
    shapes=("ack+ask",), no_questions=True, complaints=1, messages=9,
)  # fmt: skip


def say(text: str, history: list[Turn], model: ChatModel | None = None) -> Turn:
    pieces = respond(text, EmotionalState.unknown(), history, model or Guided(), locale="en")
    try:
        while True:
            next(pieces)
    except StopIteration as stop:
        history.append(stop.value)
        return history[-1]


def test_a_state_travels_as_text_and_an_empty_one_as_nothing() -> None:
    assert from_text(to_text(STATE)) == STATE and to_text(GuidedState()) == ""
    assert from_text("") == GuidedState()
    with pytest.raises(ValueError, match="no state of the companion"):
        from_text('{"facts": [{"colour": "red"}]}')
    assert from_text('{"messages": 3, "unheard_of": 1}') == GuidedState(messages=3)


def test_a_turn_keeps_it_in_the_store_and_an_older_turn_has_none() -> None:
    turn = make_turn(guided=STATE)
    assert turn_from_json(turn_to_json(turn)).guided == STATE
    row = turn_to_dict(turn)
    row.pop("guided")
    row["prompt"].pop("carried")
    assert turn_from_json(json.dumps({**row, "schema": 2})).guided == GuidedState()


def test_no_server_is_sent_it() -> None:
    model = Scripted(["That is hard."])
    say("I am tired of my job", history := [])
    turn = say("and of the commute", history, model)
    assert turn.prompt is not None and turn.prompt.carried
    assert all("messages" not in message.content or "{" not in message.content for message in turn.prompt.messages)
    assert not any(turn.prompt.carried in message.content for message in turn.prompt.messages)


def test_editing_a_text_breaks_no_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    history: list[Turn] = []
    say("box breathing", history)
    say("ok", history)
    script = EXERCISES["box"].script("en")
    for step in script.steps:
        monkeypatch.setattr(type(step), "say", property(lambda step: "Entirely new words. Breathe."), raising=False)
    monkeypatch.setitem(tables.LINES, "en", {key: ("Other words.",) for key in tables.LINES["en"]})
    turn = say("ok", history)
    assert (turn.guided.exercise, turn.guided.step) == ("box", 2) and "Entirely new words" in turn.reply


def test_another_models_reply_or_a_fixed_one_lays_the_exercise_aside_and_ok_resumes_it() -> None:
    history: list[Turn] = []
    say("box breathing", history)
    say("ok", history)
    turn = say("my boss is awful", history, Scripted(["That sounds hard."]))
    assert turn.guided.paused and turn.guided.exercise == "box" and turn.guided.offered == "resume"
    assert say("ok", history).guided.step == 1
    assert interrupted(STATE).asked == "" and interrupted(STATE, "dark").asked == "dark"


def test_it_goes_on_across_a_model_that_fails() -> None:
    class Down:
        name = "down"

        def stream(self, prompt: object, tell: object = None) -> object:
            raise ModelUnavailable("refused")
            yield ""

    history: list[Turn] = []
    say("box breathing", history)
    assert say("ok", history, Down()).guided.step == 1  # type: ignore[arg-type]


def test_facts_are_kept_in_the_persons_words_and_given_back_when_asked() -> None:
    history: list[Turn] = []
    for text in ("my sister Ana lost her job in May", "we owe 4,000 pounds", "what did I tell you about my sister?"):
        turn = say(text, history)
    assert "my sister Ana lost her job in May" in turn.reply
    assert "4,000" not in turn.reply
    kinds = {fact.kind for fact in turn.guided.facts}
    assert {"relation", "amount"} <= kinds
    assert "nothing" in say("what did I tell you about my dog?", []).reply


@pytest.mark.parametrize(
    ("question", "told", "given"),
    [
        ("What was it I said about the software?", ("There's new software coming in", "My boss rang"), "software com"),
        ("the thing about not being sad, what was it", ("im not sad about him, its more like nobody",), "not sad"),
        ("我说的那个红烧鱼是怎么讲的", ("她做的红烧鱼最好吃", "今天很累"), "红烧鱼"),
    ],
)  # fmt: skip
def test_what_was_said_is_found_by_the_words_of_the_question(question: str, told: tuple[str, ...], given: str) -> None:
    locale = "zh" if question[0] > "z" else "en"
    moment = Moment(locale, "", hear(question, None), GuidedState(), told=(*told, question))
    assert given in recall(moment)

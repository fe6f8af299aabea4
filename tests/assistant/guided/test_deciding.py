"""How a message is answered, with a reader that says what it is told to: the rows of the table, one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from assistant.carried import from_text, to_text
from assistant.guided import Guided, facts
from assistant.guided.cues import certain_in, sign_in
from assistant.guided.deciding import TABLE
from assistant.guided.hearing import hear
from assistant.guided.tables import LINES, OCCASIONS, TOPICS
from assistant.meaning import outputs
from assistant.meaning.base import ACT_FROM, Meaning
from assistant.types import GuidedState
from llm.types import Message, Prompt


@dataclass
class Told:
    """A reader that takes every message as it is told to."""

    act: str = "telling"
    sure: float = 0.9
    topics: tuple[str, ...] = ()
    feelings: tuple[str, ...] = ()
    occasions: tuple[tuple[str, float], ...] = ()
    asking: float = 0.0
    asked: list[str] = field(default_factory=list)

    def understand(self, text: str) -> Meaning:
        self.asked.append(text)
        return Meaning(self.act, self.sure, self.topics, self.feelings, occasions=self.occasions, asking=self.asking)


def reply(text: str, reader: Told | None = None, state: GuidedState | None = None) -> tuple[str, GuidedState]:
    prompt = Prompt((Message("user", text),), carried=to_text(state or GuidedState()))
    stream = Guided(reader=reader).stream(prompt)
    try:
        while True:
            next(stream)
    except StopIteration as stop:
        return stop.value.text, from_text(stop.value.carried)


def way(text: str, reader: Told | None = None, state: GuidedState | None = None) -> str:
    return reply(text, reader, state)[1].ways[-1]


def test_rows_have_names_of_their_own_and_the_last_one_always_holds() -> None:
    names = [row.name for row in TABLE]
    assert len(set(names)) == len(names) and names[0] == "danger" and names[-1] == "telling"


@pytest.mark.parametrize(("act", "text", "expected"), [
    ("ask_calm_now", "help me calm down right now", "calm"), ("ask_advice", "so what now, then", "advice"),
    ("ask_info", "how long does this usually take", "information"),
    ("ask_human", "who could I see about this", "human"),
    ("ask_about_bot", "are you one of those bots", "about_bot"), ("ask_privacy", "is this kept anywhere", "privacy"),
    ("ask_abilities", "what is this app good for", "abilities"), ("ask_memory", "what had I said earlier", "memory"),
    ("ask_reassurance", "tell me it isn't too late", "reassurance"), ("correct", "that was my uncle", "correction"),
    ("complain", "this is the same answer again", "complaint"), ("insult", "you stupid thing", "insult"),
    ("thank", "much obliged", "thanks"), ("greet", "good to be here", "greeting"), 
    ("test", "seven eight nine", "test"), ("joke", "knock knock", "joke"),
    ("small_talk", "lovely skies today", "small_talk"),
    ("good_news", "we finally won", "good_news"), ("unsure", "hard to put in words", "unsure"),
])  # fmt: skip
def test_a_sure_reader_decides_and_an_unsure_one_does_not(act: str, text: str, expected: str) -> None:
    assert act in outputs.ACTS
    assert way(text, Told(act)) == expected
    assert way(text, Told(act, sure=ACT_FROM - 0.1)) != expected or way(text) == expected


@pytest.mark.parametrize(("occasion", "text", "expected"), [
    ("words_no", "how do i put it to my cousin", "words"), ("words_sorry", "what can i text him after that", "words"),
    ("ask_which", "this one or the other?", "view"), ("ask_how_do", "where does one file that", "view"),
    ("ask_rehearse", "you be him for a minute", "rehearsal"), ("ask_how_feel", "how do people get by?", "how_to_bear"),
    ("ask_listen", "just hear me out", "listens"), ("away", "the door, hang on", "listens"),
])  # fmt: skip
def test_what_a_message_asks_for_is_given(occasion: str, text: str, expected: str) -> None:
    said, state = reply(text, Told("telling", occasions=((occasion, 0.8),)))
    assert state.ways == (expected,)
    assert said in OCCASIONS["en"][occasion]
    assert way(text, Told("telling", occasions=((occasion, 0.2),))) != expected, "not sure"


def test_an_act_that_leads_away_is_believed_when_the_occasion_agrees() -> None:
    text = "I'm not a great one for machines"
    alone = (("doubt_help", 0.7), ("plain", 0.2), ("mock", 0.05))
    assert way(text, Told("correct", sure=0.8, occasions=alone)) == "telling"
    meant = "no, that was the other sister"
    assert way(meant, Told("correct", sure=0.8, occasions=(("correct", 0.5), ("plain", 0.3)))) == "correction"
    assert way(text, Told("correct", sure=0.8, occasions=(("correct", 0.5), ("plain", 0.3)))) == "telling", (
        "no word for it"
    )


def test_a_sure_occasion_speaks_where_the_act_is_only_telling() -> None:
    later = GuidedState(messages=4)
    assert way("right, putting the kettle on, night", Told("telling", occasions=(("goodbye", 0.8),)), later) == "leave"
    assert way("right, putting the kettle on, night", Told("telling", occasions=(("goodbye", 0.45),))) == "telling"


def test_an_entry_for_the_journal_is_shown_its_place() -> None:
    assert way("can you put that in my mood diary", Told("ask_abilities")) == "journal"
    assert way("my mum read my diary, can you believe it", Told("telling")) != "journal"


def test_being_misunderstood_is_a_correction_and_no_refusal() -> None:
    assert way("No, you have misunderstood me a little. I don't need the tools kept.", Told("decline", sure=0.8)) == (
        "correction"
    )


def test_who_comes_does_not_go() -> None:
    assert way("G'day", Told("leave", occasions=(("goodbye", 0.5),))) == "greeting"
    assert way("bye, I have to go", Told("leave", occasions=(("goodbye", 0.9),))) == "leave"


def test_a_wish_for_words_is_heard_where_the_reader_cannot_place_it() -> None:
    open_ = (("ask_which", 0.06), ("plain", 0.05))
    assert way("how do i answer anders, he wants the draft", Told("ask_advice", occasions=open_)) == "words"


def test_a_goodbye_that_both_outputs_take_for_likeliest_is_one() -> None:
    text = "the last bus is coming round the corner"
    later = GuidedState(messages=4)
    assert way(text, Told("leave", sure=0.4, occasions=(("goodbye", 0.45), ("plain", 0.2))), later) == "leave"
    assert way(text, Told("leave", sure=0.4, occasions=(("plain", 0.45), ("goodbye", 0.2))), later) == "telling"
    assert way(text, Told("complain", sure=0.4, occasions=(("complain", 0.45),))) == "telling", "only manners"


def test_a_laugh_or_a_maybe_is_no_yes_to_an_offer() -> None:
    for text in ("lol", "maybe", "哈哈", "随便", "haha ok"):
        _, state = reply(text, Told(), GuidedState(offered="box", offers=("box",), messages=3))
        assert state.ways[-1] == "left_open" and state.offered == "box" and not state.exercise, text
    for text in ("ok", "haha yes", "yes please", "好"):
        _, state = reply(text, Told(), GuidedState(offered="box", offers=("box",), messages=3))
        assert state.exercise == "box", text


def test_bare_commands_need_no_reader() -> None:
    reader = Told("insult")
    for text in ("stop", "ok", "no", "7", "idk", "继续"):
        way(text, reader)
    assert reader.asked == ["7"]


@pytest.mark.parametrize(
    "text", ["nobody sees me", "six weeks from diagnosis", "I don't have a car", "the pan, the sink"]
)
def test_a_word_alone_hijacks_nothing(text: str) -> None:
    said, state = reply(text, Told("telling"))
    assert state.ways[-1] in {"telling", "more", "unclear"}
    assert not any(line in said for key in ("camera", "privacy", "diagnosis", "greeting") for line in LINES["en"][key])


def test_an_act_towards_the_companion_needs_words_that_speak_of_it() -> None:
    assert way("the car is in the garage", Told("ask_privacy")) != "privacy"
    assert way("what if they tell my wife", Told("ask_privacy")) != "privacy"


def test_panic_gets_a_pace_and_grounding_at_once_then_a_look_whether_it_helps() -> None:
    said, state = reply("HELP im having a panic attack right now", Told(topics=("panic",), feelings=("panicked",)))
    assert "1, 2, 3, 4" in said and "feet" in said and "emergency number" in said and "?" not in said
    said, state = reply("my hands are tingling", Told(), state)
    assert state.ways[-1] == "calm_check" and "Tingling" in said and "killing" not in said
    said, state = reply("ok", Told(), state)
    assert "better, the same, or worse" in said
    said, state = reply("worse", Told(), state)
    assert state.ways[-1] == "calm_check" and "cold water" in said.lower()
    said, state = reply("a bit better", Told(), state)
    assert said in LINES["en"]["panic_easing"]
    again, _ = reply("it is back, help me breathe", Told("ask_calm_now"), state)
    assert "emergency number, " not in again or LINES["en"]["panic_warning"][0] not in again


def test_panic_that_is_past_is_listened_to() -> None:
    assert (
        way("I had a panic attack on the train last week", Told(topics=("panic",), feelings=("afraid",))) == "telling"
    )


def test_a_complaint_changes_what_follows() -> None:
    said, state = reply("this app just repeats itself", Told("complain"))
    assert state.complaints == 1 and state.ways == ("complaint",)
    said, state = reply("and again the same from you", Told("complain"), state)
    assert state.no_questions
    for text in ("work was long", "my boss shouted", "then the train was late", "and it rained"):
        said, state = reply(text, Told(topics=("work",), feelings=("exhausted",)), state)
        assert "?" not in said


@pytest.mark.parametrize(("text", "right", "wrong"), [
    ("him not the cat", "him", "the cat"), ("no, my sister, not my mum", "your sister", "your mum"),
    ("I meant my uncle", "your uncle", ""), ("是他不是猫", "他", "猫"), ("不是我妈，是我姐", "你姐", "你妈"),
])  # fmt: skip
def test_a_correction_is_taken_up(text: str, right: str, wrong: str) -> None:
    said, state = reply(text, Told("telling"), GuidedState(messages=2))
    assert state.ways[-1] == "correction" and right in said and wrong in said


@pytest.mark.parametrize("text", ["its not about the pan", "im not proud of it", "he's nice when he's not like this",
                                  "i threw a plate. at the wall not at him"])  # fmt: skip
def test_a_denial_is_no_correction(text: str) -> None:
    assert way(text, Told("telling"), GuidedState(messages=2, topics=("anger",))) != "correction"


def test_a_running_exercise_lets_go_and_can_be_resumed() -> None:
    running = GuidedState(exercise="box", step=1, messages=4)
    said, state = reply("are you recording me with that camera?", Told("ask_privacy"), running)
    assert state.ways[-1] == "privacy" and state.paused and "continue" in said
    said, state = reply("continue", Told(), state)
    assert state.running and state.step == 1
    assert way("I can feel my shoulders drop", Told(), running) == "step"
    long = "my landlord has just written that we have to be out of the flat by the end of the month"
    assert way(long, Told(topics=("housing",)), running) == "telling"


def test_an_answer_in_an_exercise_is_not_taken_for_a_request() -> None:
    running = GuidedState(exercise="thought", step=2, messages=4)
    assert way("what if they all laugh at me, what should I do", Told("ask_advice"), running) == "step"
    assert way("nobody wants me there, i'm useless", Told("insult"), running) == "step"


def test_what_was_turned_down_is_not_offered_again() -> None:
    state = GuidedState(messages=4, topics=("anger",))
    offered: list[str] = []
    for text in ("he did it again", "no", "and again", "and then he laughed", "I left", "he followed", "I drove off"):
        _, state = reply(text, Told(topics=("anger",), feelings=("angry",)), state)
        offered += [state.offered] * (state.offered == "box")
    assert len(offered) == 1 and "box" in state.declined


def test_who_helps_is_named_when_a_grave_topic_comes_up_again() -> None:
    said, state = reply("I had a drink again last night, alone", Told(topics=("alcohol_drugs",)))
    said, state = reply("it was a bottle of wine, as every night", Told(topics=("alcohol_drugs",)), state)
    assert "doctor" in said and "AA" in said


@pytest.mark.parametrize(("text", "topics"), [
    ("我爸又喝醉了，动手打我妈", ("violence", "drinker_near")), ("我爸今天又喝多了", ("drinker_near",)),
    ("since Dave passed the house is quiet", ()), ("it's been a year since Dave passed.", ("grief",)),
])  # fmt: skip
def test_what_needs_no_second_opinion_is_no_guess_and_violence_leads(text: str, topics: tuple[str, ...]) -> None:
    found = hear(text, None).topics
    assert tuple(topic for topic in found if topic in {"violence", "drinker_near", "grief"}) == topics
    for other in ("when i passed my driving test", "since my phone died", "孩子走了以后我才歇下来"):
        assert certain_in(other) == ()


class BySentence(Told):
    """A reader that takes one sentence for a request, and of a message around it sees a third of that."""

    def __init__(self, sentence: str, act: str, occasion: str, share: float) -> None:
        super().__init__()
        self._sentence, self._act, self._occasion, self._share = sentence, act, occasion, share

    def understand(self, text: str) -> Meaning:
        if text.strip() == self._sentence:
            return Meaning(self._act, self._share, occasions=((self._occasion, self._share),), asking=self._share)
        seen = self._share / 3 if self._sentence in text else 0.0
        return Meaning("telling", 0.9, occasions=(("plain", 0.6), (self._occasion, seen)), asking=seen)


@pytest.mark.parametrize("text", [
    "I snapped at him over the remote. How do I say sorry to him? He'll pretend it's nothing.",
    "How do I say sorry to him? I snapped over the remote. He went to wash up. I sat there. It's been an hour.",
])  # fmt: skip
def test_a_request_among_other_sentences_is_heard(text: str) -> None:
    reader = BySentence("How do I say sorry to him?", "ask_advice", "words_sorry", 0.8)
    assert way(text, reader) == "words"
    assert hear(text, reader).text == text  # what else it tells is not lost


def test_a_sentence_that_is_doubtfully_a_request_leaves_the_message_a_telling() -> None:
    reader = BySentence("What do they want from me?", "ask_advice", "ask_why", 0.45)
    assert way("Fourteen calls before ten. What do they want from me?", reader) == "telling"


def test_a_message_of_one_sentence_is_read_once() -> None:
    reader = Told()
    hear("the tea went cold again", reader)
    assert reader.asked == ["the tea went cold again"]


def test_what_is_to_be_noted_is_kept_and_found_again() -> None:
    noted = Told("continue", 0.5, occasions=(("ask_note", 0.8),))
    said, state = reply("could you keep in mind that my scan's on the 14th", noted)
    assert state.ways[-1] == "note" and "“my scan's on the 14th”" in said
    assert [(fact.kind, fact.words) for fact in state.facts] == [("note", "my scan's on the 14th")]
    found, _ = reply("when did i say the scan was", Told("ask_memory", occasions=(("ask_said", 0.9),)), state)
    assert "14th" in found


def test_something_to_do_needs_no_word_of_boredom() -> None:
    asked = Told("telling", 0.9, occasions=(("ask_pastime", 0.7),))
    assert way("six weeks in a cast and I've counted the ceiling tiles", asked) == "pastime"


def test_something_very_short_is_given_and_not_offered() -> None:
    said, state = reply("got anything that takes ten seconds", Told("ask_exercise", occasions=(("ask_calm", 0.8),)))
    assert said in LINES["en"]["quick"] and not state.offered


def test_what_calms_does_not_go_by_an_earlier_topic() -> None:
    before = GuidedState(topics=("work",), messages=2)
    asked = Told("ask_exercise", occasions=(("ask_calm", 0.8),))
    assert reply("give me something to settle, please", asked, before)[1].offered == "box"


def test_named_matter_gives_its_own_words_first_and_then_the_general_ones() -> None:
    asked = Told("ask_advice", occasions=(("words_ask", 0.8),))
    said, state = reply("how do i ask for a raise", asked)
    assert "my pay" in said
    again, _ = reply("how do i ask for a raise, put differently", asked, state)
    assert again in OCCASIONS["en"]["words_ask"]


def test_a_request_that_cannot_be_placed_is_asked_about() -> None:
    """Many kinds of request are a little likely: that it is one is sure, which one is not."""

    class Torn(Told):
        def understand(self, text: str) -> Meaning:
            kinds = ("ask_how_do", "ask_person", "ask_how_people", "words_help")
            return Meaning("telling", 0.6, occasions=tuple((kind, 0.2) for kind in kinds), asking=0.8)

    said, state = reply("a man of my age might be of some use to somebody, if one knew where", Torn())
    assert state.ways[-1] == "which_request" and said in LINES["en"]["which_request"] and state.offered == "choice"


def test_a_likely_kind_of_a_sure_request_is_taken() -> None:
    class Likely(Told):
        def understand(self, text: str) -> Meaning:
            return Meaning("joke", 0.6, occasions=(("ask_sleep", 0.35), ("tired", 0.2)), asking=0.6)

    _, state = reply("anything that switches the radio in my head off would be gold", Likely())
    assert state.ways[-1] == "exercise" and state.offered == "scan"


def test_what_is_told_lightly_is_not_asked_for_its_hardest_part() -> None:
    funny = Told("telling", 0.9, topics=("work",), occasions=(("funny", 0.6), ("plain", 0.2)))
    heavy = Told("telling", 0.9, topics=("work",), occasions=(("pressure", 0.7),))
    light, _ = reply("some lad on the bus is eating a whole chicken with his hands, no napkin", funny)
    assert any(line in light for line in LINES["en"]["ask_light"])
    assert not any(line in light for line in (*LINES["en"]["ask"], *LINES["en"]["support"], *TOPICS["en"]["work"].says))
    assert any(line in reply("fourteen calls before noon again", heavy)[0] for line in TOPICS["en"]["work"].says)


def test_no_riddle_is_told_where_nobody_asked_for_play() -> None:
    asked = Told("telling", 0.9, occasions=(("ask_fun", 0.7),), asking=0.7)
    assert way("nobody knows. I'm the one who is good with money. do you hear how funny that is", asked) != "view"
    assert way("tell us a riddle then", asked) == "view"


def test_a_wish_for_sleep_is_one_for_sleep() -> None:
    asked = Told("ask_advice", 0.6, occasions=(("ask_focus", 0.5),), asking=0.9)
    assert reply("my head won't stop, anything so that i can fall asleep", asked)[1].offered == "scan"


@pytest.mark.parametrize(("text", "noted"), [
    ("her kidney doctor, Thursday 9.15. You keep that one for me, if I miss it I'm dead", "her kidney doctor"),
    ("演出是下个月十八号晚上七点半,你帮我记牢", "演出是下个月十八号晚上七点半"),
    ("帮我记着，下周二去拆线", "下周二去拆线"), ("你替我记一下，她叫秀英，别忘了", "她叫秀英"),
])  # fmt: skip
def test_what_is_noted_is_the_matter_and_not_the_asking(text: str, noted: str) -> None:
    assert noted in facts.noted(text) and "记" not in facts.noted(text) and "keep" not in facts.noted(text)


def test_a_thumb_up_is_a_nod_and_no_riddle() -> None:
    assert way("👌") == "nod"


@pytest.mark.parametrize(("sign", "no", "yes"), [
    ("noting", ("that song reminds me of him", "you remind me of my ex", "他给我留下一堆债", "他说你记住，你欠我的"),
     ("remind me to ring the vet", "帮我留着这句", "你给我记上")),
    ("just_listen", ("i've no ideas left, what do i do", "there is no advice that fits"),
     ("no advice please", "Nobody should advise me, I only want somebody to rejoice with me", "听着就行")),
    ("dictate", ("他第一句话就说我胖", "六点回他家", "领导给我来了个下马威"),
     ("头一句我说啥呢", "我咋回他", "你给我写一段")),
    ("announces", ("how do i tell my mum", "talk to him"), ("i wanna talk about my nan", "有一桩大喜事要讲给你听")),
    ("fun", ("do you hear how funny that is",), ("tell us a riddle", "讲个冷笑话")),
])  # fmt: skip
def test_a_wording_counts_for_what_it_asks_and_not_for_its_neighbour(
    sign: str, no: tuple[str, ...], yes: tuple[str, ...]
) -> None:
    assert not [text for text in no if sign_in(sign, text)] and all(sign_in(sign, text) for text in yes)


@pytest.mark.parametrize(
    "text", ["我妈又来了，真烦心", "他带我看东西去了", "你会怎么告诉孩子", "新年又来了，心里空空的"]
)
def test_no_panic_and_no_privacy_is_heard_in_a_telling(text: str) -> None:
    assert hear(text, None).kind not in {"calm", "privacy"}


def test_a_body_in_panic_and_a_wish_to_be_led_are_heard() -> None:
    assert hear("等一下 好像又來了 手開始麻 你講點什麼 帶我看東西那種的", None).act == "ask_calm_now"


def test_a_death_told_in_homely_words_is_a_death() -> None:
    assert "grief" in certain_in("我老伴儿叫孙淑琴，腊月十九没的，胰腺上的毛病")
    assert "grief" not in certain_in("我爸说钱是三号没的")


def test_no_lost_child_is_read_from_between_the_lines() -> None:
    class Sees:
        def understand(self, text: str) -> Meaning:
            return Meaning("telling", 0.9, ("pregnancy_loss",), ("sad",))

    assert hear("five weeks tomorrow. everyone said the first six are a blur", Sees()).topics == ()
    assert hear("I had a miscarriage on the 4th", Sees()).topics == ("pregnancy_loss",)

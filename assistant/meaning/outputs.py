"""What the network answers, output by output, in the order of its logits.

The groups share the layers below them: the danger in a message, what a person does with a message (acts, topics,
feelings), what a listener would take up of it (occasions), and what is wrong with a sentence of a reply. `part` gives a
group's place.
"""

from __future__ import annotations

#: Danger, then how far it goes (an active thought or an act; a means, a time or an attempt), then its kind.
DANGER = ("danger", "thought", "severe", "suicide", "self_harm", "eating", "violence", "abuse", "voices", "emergency",
          "third_person")  # fmt: skip

#: What a person does with a message; one of them.
ACTS = (
    "telling", "answer", "good_news", "ask_about_bot", "ask_privacy", "ask_abilities", "ask_calm_now", "ask_advice",
    "ask_info", "ask_exercise", "ask_memory", "ask_human", "ask_reassurance", "correct", "complain", "insult", "thank",
    "greet", "leave", "decline", "agree", "stop", "continue", "test", "joke", "small_talk", "unsure",
)  # fmt: skip
TOPICS = (
    "work", "unemployment", "study", "parents", "siblings", "children", "new_baby", "pregnancy_loss", "partner",
    "breakup", "friends", "loneliness", "grief", "pet", "illness", "pain", "sleep", "panic", "worry", "low_mood",
    "self_worth", "anger", "money", "housing", "migration", "alcohol_drugs", "gambling_gaming", "eating_body",
    "sexuality_gender", "violence", "bullying", "trauma", "caring", "ageing", "procrastination", "future_meaning",
    "faith", "social_anxiety", "world_news", "medication",
)  # fmt: skip
#: Of the writer, not of others, not denied.
FEELINGS = (
    "sad", "hopeless", "empty", "lonely", "anxious", "afraid", "panicked", "ashamed", "guilty", "angry", "irritated",
    "hurt", "betrayed", "jealous", "overwhelmed", "exhausted", "confused", "frustrated", "disappointed", "bored",
    "calm", "relieved", "grateful", "happy", "proud", "hopeful", "missing",
)  # fmt: skip

#: What a sentence of a reply does wrong; "fault" before them says whether it does anything wrong.
FAULTS = ("method", "dose", "diagnosis", "delusion", "secrecy", "human", "professional", "dependence", "blame",
          "minimise", "romance", "stay")  # fmt: skip

#: What the next reply of an attentive listener would take up; one of them. Written out in texts/README.md.
OCCASIONS = (
    "plain", "reply_short", "funny", "fond", "missing", "loss_news", "hurt_by", "unfair", "ignored", "pressure",
    "tired", "body", "money_short", "waiting", "scared_of", "regret", "shame", "self_put_down", "stuck",
    "caring", "worried_for", "conflict", "lonely", "secret", "small_step", "kindness", "good_news", "relief",
    "mixed", "numb", "anger", "comparing", "habit", "change", "family_duty", "tears", "belief", "doubt_help",
    "away", "shares_text", "words_no", "words_help", "words_news", "words_sorry", "words_stop", "words_comfort",
    "words_confront", "words_ask", "words_feel", "words_thank", "words_end", "words_meet", "words_other",
    "ask_which", "ask_ok", "ask_why", "ask_how_feel", "ask_how_do", "ask_how_people", "ask_calm", "ask_sleep",
    "ask_focus", "ask_exercise", "ask_listen", "ask_rehearse", "ask_fun", "ask_program", "ask_said",
    "ask_person", "greeting", "thanks", "goodbye", "agree", "decline", "correct", "complain", "test", "mock",
    "unsure", "ask_pastime", "ask_note",
)  # fmt: skip

#: How the names of occasions begin that ask the companion for something.
ASKING = ("ask_", "words_")

_GROUPS = {"danger": DANGER, "act": ACTS, "topics": TOPICS, "feelings": FEELINGS, "fault": ("fault", *FAULTS),
           "occasion": OCCASIONS}  # fmt: skip
COUNT = sum(map(len, _GROUPS.values()))


def part(name: str) -> slice:
    """Where a group (a name of _GROUPS) lies among the outputs. Raises KeyError."""
    first = sum(len(_GROUPS[other]) for other in list(_GROUPS)[: list(_GROUPS).index(name)]) if name in _GROUPS else -1
    return slice(first, first + len(_GROUPS[name]))

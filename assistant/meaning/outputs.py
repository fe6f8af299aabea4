"""What the network answers, output by output, in the order of its logits.

Four groups share the layers below them: the danger in a message, what a person does with a message (acts, topics,
feelings), and what is wrong with a sentence of a reply. `part` gives a group's place.
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

_GROUPS = {"danger": DANGER, "act": ACTS, "topics": TOPICS, "feelings": FEELINGS, "fault": ("fault", *FAULTS)}
COUNT = sum(map(len, _GROUPS.values()))


def part(name: str) -> slice:
    """Where a group ("danger", "act", "topics", "feelings", "fault") lies among the outputs. Raises KeyError."""
    first = sum(len(_GROUPS[other]) for other in list(_GROUPS)[: list(_GROUPS).index(name)]) if name in _GROUPS else -1
    return slice(first, first + len(_GROUPS[name]))

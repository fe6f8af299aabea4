"""What a person keeps beside the conversations: a journal, and lines that are remembered."""

from assistant.journal.entries import Body, Entry, Goal, Line, LookBack, Mood, Practice, Step, body_of, instant, kind_of
from assistant.journal.practised import practised
from assistant.journal.suggestions import suggestions
from assistant.journal.week import Week, week_of

__all__ = [
    "Body",
    "Entry",
    "Goal",
    "Line",
    "LookBack",
    "Mood",
    "Practice",
    "Step",
    "Week",
    "body_of",
    "instant",
    "kind_of",
    "practised",
    "suggestions",
    "week_of",
]

"""Pixels and sound become an emotional state. Knows nothing of language models."""

from perception.cards import ModelCard
from perception.models import CARDS, load
from perception.types import AUS, EXPRESSIONS, Affect, EmotionalState, Face, FaceTrack, Frame, Pose, Quality

__all__ = [
    "AUS",
    "CARDS",
    "EXPRESSIONS",
    "Affect",
    "EmotionalState",
    "Face",
    "FaceTrack",
    "Frame",
    "ModelCard",
    "Pose",
    "Quality",
    "load",
]

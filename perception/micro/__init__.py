"""Micro-expressions from optical flow. See predictor.py (use), spot.py (videos), protocol.py and synthesis.py (make)."""

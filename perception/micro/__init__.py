"""Micro-expressions by optical flow. See predictor.py (use), spot.py (videos), shipped.py (make)."""

"""Simulated clients talk to the assistant; rules and a judge say how it went."""

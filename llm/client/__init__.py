"""Talking to a model: any OpenAI-compatible server, and fixed replies for tests."""

"""The public name of the chat client for OpenAI-compatible servers; its parts are in `llm.client`."""

from llm.client.openai_compat import OpenAICompatible, TimeOuts, probe

__all__ = ["OpenAICompatible", "TimeOuts", "probe"]

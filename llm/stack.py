"""The public name of what loads a base model and its tokenizer; its parts are in `llm.tuning`."""

from llm.tuning.stack import load_base, load_tokenizer

__all__ = ["load_base", "load_tokenizer"]

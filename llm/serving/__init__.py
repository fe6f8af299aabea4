"""Serving a base and its adapters, and proving that the served model is the tuned one."""

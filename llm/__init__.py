"""A Prompt becomes a Reply. Knows nothing of faces."""

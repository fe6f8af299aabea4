"""Where state becomes words, safely. The only package that sees both perception and llm."""

"""Makes and cleans training dialogues. Never sees eval."""

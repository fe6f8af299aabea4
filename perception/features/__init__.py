"""Features of sound and picture with one interface, and their cache on disk."""

"""Fusion of face and voice: the networks of arXiv 2303.09158 and 2407.12258, and the starter model that ships."""

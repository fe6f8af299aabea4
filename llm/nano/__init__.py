"""nano: a tiny model trained from scratch, the article on which tuning and serving are tested."""

"""Many requests at once, for data generation and the exam; its runner comes with them."""

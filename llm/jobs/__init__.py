"""Many requests at once: chains against one server, every answer kept; for data generation and the exam."""

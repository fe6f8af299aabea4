"""The counselling exam: layouts, prompts, answers, scores, audit."""

"""What a model is told besides the passages, how much of it, and what it is asked aside: summaries, titles."""

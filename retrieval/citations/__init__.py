"""Does the source say it? A claim held against a passage: its words, its numbers."""

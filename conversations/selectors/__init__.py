"""Reads of conversations and of what belongs to them, and the doors to both."""

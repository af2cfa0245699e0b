"""Dates and numbers where Django's own formats fall short."""

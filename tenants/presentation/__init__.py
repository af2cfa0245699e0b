"""Colours, charts and time zones for pages."""

"""Signing up and in: forms, OpenID Connect, and what a session says."""

"""Replies as tasks of their process: begun, saved, kept alive, stopped and drained."""

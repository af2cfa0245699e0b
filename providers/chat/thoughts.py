"""Thoughts that a server leaves in the answer's text, in tags before it, instead of telling them apart."""

from dataclasses import replace
from typing import Literal

from providers.chat.base import ChatDelta

_OPEN, _CLOSE = "<think>", "</think>"


class ThoughtSplitter:
    """Moves them to where thoughts belong: those that an answer begins with. Later the tag is a word like others.

    What may yet become a tag is held back until it is known, at the latest with the last delta.
    """

    def __init__(self) -> None:
        self._state: Literal["beginning", "thinking", "between", "answering"] = "beginning"
        self._held = ""

    def split(self, delta: ChatDelta) -> ChatDelta:
        if self._state == "answering":
            return delta
        thinking, text = self._feed(delta.text)
        if delta.finish_reason is not None:
            rest, self._held = self._held, ""
            thinking, text = (thinking + rest, text) if self._state == "thinking" else (thinking, text + rest)
        return replace(delta, text=text, thinking=delta.thinking + thinking)

    def _feed(self, text: str) -> tuple[str, str]:
        """Thoughts and text that are known to be such."""
        self._held += text
        thinking = ""
        if self._state == "beginning":
            begun = self._held.lstrip()
            if _OPEN.startswith(begun):
                self._state = "thinking" if begun == _OPEN else "beginning"
                self._held = "" if begun == _OPEN else self._held
                return "", ""
            is_thought = begun.startswith(_OPEN)
            self._state = "thinking" if is_thought else "answering"
            self._held = begun.removeprefix(_OPEN) if is_thought else self._held
        if self._state == "thinking":
            thinking, close, rest = self._held.partition(_CLOSE)
            if close:
                self._state, self._held = "between", rest
            else:
                kept = _beginning_at_end(self._held)
                self._held = self._held[len(self._held) - kept :]
                return thinking[: len(thinking) - kept], ""
        if self._state == "between":
            self._held = self._held.lstrip()
            self._state = "answering" if self._held else "between"
        answer, self._held = self._held, ""
        return thinking, answer


def _beginning_at_end(text: str) -> int:
    """How many characters at the end of a text may be the beginning of the closing tag."""
    sizes = range(min(len(text), len(_CLOSE) - 1), 0, -1)
    return next((size for size in sizes if _CLOSE.startswith(text[-size:])), 0)

"""What stand-ins for model servers are told to do, whatever their protocol."""

import codecs
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Fault = Literal["hang", "cut", "close", "reset", "garbage", "huge_line", "error"]
Framing = Literal["plain", "bom", "crlf", "blank_lines", "split_utf8", "no_final_newline"]

HUGE_LINE_BYTES = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server does with one question.

    `text` None: answer from the prompt. `status` other than 200: an error instead of an answer, with `retry_after`
    as its header, if any, and with OpenAI's protocol `text` as its message. `fault` happens in place of the token
    number `fault_after` (0: before the first): "hang" sends nothing more, "cut" ends the response cleanly without
    saying that it is done, "close" ends the connection without ending the response, "reset" does so with RST,
    "garbage" and "huge_line" send a line that is no JSON or has 10 MB, "error" sends an error object; the last
    three then end the response as if nothing had been. With `counts` False the numbers of tokens are left out;
    `prompt_tokens` is what it says that it read, else a token a word.
    From token `held_from` on only two come a second, so that nobody takes it for dead, until the server is told to
    `go_on`: whatever a test does meanwhile, the answer is under way.
    Times are in seconds, rates in tokens a second (None: the server's own).
    """

    text: str | None = None
    thinking: str = ""
    done_reason: str = "stop"
    status: int = 200
    retry_after: str = ""
    counts: bool = True
    prompt_tokens: int | None = None
    fault: Fault | None = None
    fault_after: int = 0
    framing: Framing = "plain"
    first_token_after: float | None = None
    tokens_per_second: float | None = None
    held_from: int | None = None


class Framer:
    """Cuts lines, each followed by `line_ends` ends, into HTTP chunks with the oddities that are asked for."""

    def __init__(self, framing: Framing, *, line_ends: int = 1) -> None:
        self._framing = framing
        self._prefix = codecs.BOM_UTF8 if framing == "bom" else b""
        self._end = (b"\r\n" if framing == "crlf" else b"\n") * line_ends

    def __call__(self, line: bytes, *, is_last: bool) -> Iterator[bytes]:
        end = b"" if self._framing == "no_final_newline" and is_last else self._end
        data = self._prefix + line + end
        self._prefix = b"\r\n\n" if self._framing == "blank_lines" else b""
        size = 1 if self._framing == "split_utf8" else len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            yield b"%x\r\n%b\r\n" % (len(piece), piece)


def tokens_of(reply: Reply, body: dict[str, Any], answer_tokens: int | None) -> list[str]:
    """The words of an answer, each with the space behind it."""
    text = default_answer(body) if reply.text is None else reply.text
    if reply.text is None and answer_tokens is not None:
        return list(itertools.islice(itertools.cycle(words_of(text + " ")), answer_tokens))
    return words_of(text)


def words_of(text: str) -> list[str]:
    return _TOKEN.findall(text)


def prompt_length(reply: Reply, body: dict[str, Any]) -> int:
    """What the server says that it read."""
    return len(" ".join(contents_of(body)).split()) if reply.prompt_tokens is None else reply.prompt_tokens


def default_answer(body: dict[str, Any]) -> str:
    """The first sentence of the passage numbered 1 in the newest prompt that has one, and its citation."""
    for content in reversed(contents_of(body)):
        passage = _FIRST_PASSAGE.search(content)
        if passage is not None:
            return f"{_FIRST_SENTENCE.findall(passage[1])[0].strip()} [1]"
    return "Nothing that I was given says anything about this."


def aside_of(body: dict[str, Any]) -> str:
    """What is wanted if it is no answer: a follow-up made whole, or a title."""
    first = next(iter(contents_of(body)), "")
    if first.startswith("Rewrite the last question"):
        return "rewrite"
    return "title" if first.startswith("Give a conversation") else ""


def question_aside(body: dict[str, Any]) -> str:
    """The question that this is about, as it was asked."""
    return re.split("(?:Last q|Q)uestion: ", contents_of(body)[-1])[-1]


_TOKEN = re.compile(r"\S+\s*|\s+")
# Whatever the fence looks like: a line that begins with [1], or a tag with an attribute 1; then the text.
_FIRST_PASSAGE = re.compile(r"^(?:\W{0,4}\[1\]|<\w+ [^>\n]*\b1\b[^>\n]*>)[^\n]*\n\s*(\S[^\0]*)", re.MULTILINE)
_FIRST_SENTENCE = re.compile(r"[^\n]{1,300}?(?:[.!?](?=\s)|\n|$)|[^\n]{1,300}")


def contents_of(body: dict[str, Any]) -> list[str]:
    return [message["content"] for message in body.get("messages", [])]

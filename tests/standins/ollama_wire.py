"""What the stand-in for Ollama says: the lines of its answers and how they are cut into pieces."""

import codecs
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Fault = Literal["hang", "cut", "close", "reset", "garbage", "huge_line", "error"]
Framing = Literal["plain", "bom", "crlf", "blank_lines", "split_utf8", "no_final_newline"]

HUGE_LINE_BYTES = 10_000_000
CREATED_AT = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server does with one question.

    `text` None: answer from the prompt. `status` other than 200: an error instead of an answer. `fault`
    happens in place of the token number `fault_after` (0: before the first): "hang" sends nothing more, "cut"
    ends the response cleanly without `done`, "close" ends the connection without ending the response, "reset"
    does so with RST, "garbage" and "huge_line" send a line that is no JSON or has 10 MB, "error" sends an
    error object; the last three then end the response as if nothing had been. Times are in seconds, rates in
    tokens a second (None: the server's own).
    """

    text: str | None = None
    thinking: str = ""
    done_reason: Literal["stop", "length"] = "stop"
    status: int = 200
    fault: Fault | None = None
    fault_after: int = 0
    framing: Framing = "plain"
    first_token_after: float | None = None
    tokens_per_second: float | None = None


BAD_LINES: dict[Fault, bytes] = {
    "garbage": b'{"message": {"content": <<not JSON>>',
    "huge_line": b'{"message": {"content": "' + b"a" * HUGE_LINE_BYTES + b'"}}',
    "error": b'{"error": "an error was encountered while running the model at http://10.0.0.7:8080"}',
}


class Framer:
    """Cuts lines into HTTP chunks, with the oddities that are asked for."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._prefix = codecs.BOM_UTF8 if framing == "bom" else b""

    def __call__(self, line: bytes, *, is_last: bool) -> Iterator[bytes]:
        data = self._prefix + line + self._line_end(is_last=is_last)
        self._prefix = b"\r\n\n" if self._framing == "blank_lines" else b""
        size = 1 if self._framing == "split_utf8" else len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            yield b"%x\r\n%b\r\n" % (len(piece), piece)

    def _line_end(self, *, is_last: bool) -> bytes:
        if self._framing == "no_final_newline" and is_last:
            return b""
        return b"\r\n" if self._framing == "crlf" else b"\n"


def answer_lines(reply: Reply, body: dict[str, Any], answer_tokens: int | None) -> Iterator[bytes]:
    """The JSON lines of an answer: a line a token, then the one that says `done`."""
    text = default_answer(body) if reply.text is None else reply.text
    tokens = _TOKEN.findall(text)
    if reply.text is None and answer_tokens is not None:
        tokens = list(itertools.islice(itertools.cycle(_TOKEN.findall(text + " ")), answer_tokens))
    head = {"model": body.get("model"), "created_at": CREATED_AT}
    for thought in _TOKEN.findall(reply.thinking):
        message = {"role": "assistant", "content": "", "thinking": thought}
        yield _json(head | {"message": message, "done": False})
    for token in tokens:
        yield _json(head | {"message": {"role": "assistant", "content": token}, "done": False})
    yield _json(
        head
        | {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reply.done_reason}
        | {"prompt_eval_count": len(" ".join(_contents(body)).split()), "eval_count": len(tokens)}
        | {"total_duration": 1, "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 1}
    )


def default_answer(body: dict[str, Any]) -> str:
    """The first sentence of the passage numbered 1 in the newest prompt that has one, and its citation."""
    for content in reversed(_contents(body)):
        passage = _FIRST_PASSAGE.search(content)
        if passage is not None:
            return f"{_FIRST_SENTENCE.findall(passage[1])[0].strip()} [1]"
    return "Nothing that I was given says anything about this."


def asks_to_rewrite(body: dict[str, Any]) -> bool:
    """Whether a follow-up is to be made whole."""
    return any(content.startswith("Rewrite the last question") for content in _contents(body)[:1])


def question_to_rewrite(body: dict[str, Any]) -> str:
    return _contents(body)[-1].rpartition("Last question: ")[2]


_TOKEN = re.compile(r"\S+\s*|\s+")
# Whatever the fence looks like: a line that begins with [1], or a tag with an attribute 1; then the text.
_FIRST_PASSAGE = re.compile(r"^(?:\W{0,4}\[1\]|<\w+ [^>\n]*\b1\b[^>\n]*>)[^\n]*\n\s*(\S[^\0]*)", re.MULTILINE)
_FIRST_SENTENCE = re.compile(r"[^\n]{1,300}?(?:[.!?](?=\s)|\n|$)|[^\n]{1,300}")


def _contents(body: dict[str, Any]) -> list[str]:
    return [message["content"] for message in body.get("messages", [])]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def described_model(name: str) -> dict[str, Any]:
    details = {"format": "gguf", "family": "llama", "parameter_size": "1B", "quantization_level": "Q4_0"}
    known = {"name": name, "model": name, "modified_at": CREATED_AT, "size": 1_000_000_000}
    return known | {"digest": "0" * 64, "details": details}

"""What the stand-in for Ollama says: the lines of its answers and downloads, and what it tells of its models."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.standins.scripted import (
    HUGE_LINE_BYTES,
    Fault,
    Framing,
    Reply,
    prompt_length,
    tokens_of,
    words_of,
)

__all__ = ["Fault", "Framing", "PullReply", "Reply"]

CREATED_AT = "2026-01-01T00:00:00Z"

BAD_LINES: dict[Fault, bytes] = {
    "garbage": b'{"message": {"content": <<not JSON>>',
    "huge_line": b'{"message": {"content": "' + b"a" * HUGE_LINE_BYTES + b'"}}',
    "error": b'{"error": "an error was encountered while running the model at http://10.0.0.7:8080"}',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PullReply:
    """What the server does when it is to get a model: `files` are their sizes, each told of `steps` times.

    `error` is told instead of an end, with `status` 200 in the stream and else instead of it. `reply` has the pace
    and the fault; a line counts as a token.
    """

    files: tuple[int, ...] = (1_000, 200)
    steps: int = 2
    error: str = ""
    status: int = 200
    reply: Reply = field(default_factory=Reply)


def answer_lines(reply: Reply, body: dict[str, Any], answer_tokens: int | None) -> Iterator[bytes]:
    """The JSON lines of an answer: a line a token, then the one that says `done`."""
    tokens = tokens_of(reply, body, answer_tokens)
    head = {"model": body.get("model"), "created_at": CREATED_AT}
    for thought in words_of(reply.thinking):
        message = {"role": "assistant", "content": "", "thinking": thought}
        yield _json(head | {"message": message, "done": False})
    for token in tokens:
        yield _json(head | {"message": {"role": "assistant", "content": token}, "done": False})
    counts = {"prompt_eval_count": prompt_length(reply, body), "eval_count": len(tokens)}
    yield _json(
        head
        | {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reply.done_reason}
        | (counts if reply.counts else {})
        | {"total_duration": 1, "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 1}
    )


def pull_lines(reply: PullReply) -> Iterator[bytes]:
    """The JSON lines of a download."""
    yield _json({"status": "pulling manifest"})
    for number, size in enumerate(reply.files):
        digest = f"sha256:{number:064x}"
        for step in range(reply.steps + 1):
            told = {"status": f"pulling {digest[7:19]}", "digest": digest, "total": size}
            # The first time Ollama leaves out what there is nothing of.
            yield _json(told | ({"completed": size * step // reply.steps} if step else {}))
    if reply.error:
        yield _json({"error": reply.error})
        return
    for status in ("verifying sha256 digest", "writing manifest", "removing unused layers", "success"):
        yield _json({"status": status})


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def described_model(name: str) -> dict[str, Any]:
    details = {"format": "gguf", "family": "llama", "parameter_size": "1B", "quantization_level": "Q4_0"}
    known = {"name": name, "model": name, "modified_at": CREATED_AT, "size": 1_000_000_000}
    return known | {"digest": "0" * 64, "details": details}


def shown_model(name: str, context_tokens: int) -> dict[str, Any]:
    info = {
        "general.architecture": "stand-in",
        "stand-in.context_length": context_tokens,
        "tokenizer.ggml.tokens": None,
    }
    shown = {"capabilities": ["completion"], "model_info": info, "template": "{{ .Prompt }}"}
    return described_model(name) | shown

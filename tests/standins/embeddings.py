"""What the stand-in says when it is to embed: vectors made of words, in a space of their own for each model."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

EmbedFault = Literal[
    "hang",
    "reset",
    "garbage",
    "not_json",
    "one_too_few",
    "ragged",
    "one_dimension_more",
    "not_a_number",
    "zero",
    "words",
    "shuffled",
]

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedReply:
    """What the server does with one call. `after` is in seconds (None: the server's own).

    Faults: "hang" never answers, "reset" ends the connection, "garbage" sends another protocol, "not_json" half a
    body, "words" strings in place of numbers; "shuffled" is none: OpenAI's `index` tells the order.
    """

    status: int = 200
    fault: EmbedFault | None = None
    after: float | None = None


def vector_of(model: str, text: str, dimensions: int) -> NDArray[np.float64]:
    """The sum of a direction for each word, not of unit length. The same word lies elsewhere in another model."""
    words = _WORD.findall(text.casefold()) or [text]
    directions = np.array([_direction(model, word, dimensions) for word in words])
    return np.asarray(directions.sum(axis=0), dtype=np.float64)


@cache
def _direction(model: str, word: str, dimensions: int) -> NDArray[np.float64]:
    digest = hashlib.sha256(f"{model}\0{word}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8])).standard_normal(dimensions)


def body_of(reply: EmbedReply, body: dict[str, Any], dimensions: int, *, is_native: bool) -> bytes:
    """The response's body, with its fault."""
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    if reply.fault == "one_dimension_more":
        dimensions += 1
    vectors: list[Any] = [vector_of(body["model"], text, dimensions).tolist() for text in texts]
    match reply.fault:
        case "garbage":
            return b'["neither Ollama nor OpenAI"]'
        case "one_too_few":
            vectors.pop()
        case "ragged":
            vectors[0] = vectors[0][:-1]
        case "not_a_number":
            vectors[-1][0] = float("nan")
        case "zero":
            vectors[-1] = [0.0] * dimensions
        case "words":
            vectors[-1][0] = "north"
    sent = json.dumps(
        {"model": body["model"], "embeddings": vectors} if is_native else _records(reply, body, vectors)
    )
    return sent[: len(sent) // 2].encode() if reply.fault == "not_json" else sent.encode()


def too_large(tokens: int, most: int) -> bytes:
    """What llama.cpp's server says to a text that it cannot read at one go."""
    said = f"input ({tokens} tokens) is too large to process."
    said += f" increase the physical batch size (current batch size: {most})"
    return json.dumps({"error": {"code": 500, "message": said, "type": "server_error"}}).encode()


def _records(reply: EmbedReply, body: dict[str, Any], vectors: list[Any]) -> dict[str, Any]:
    data = [{"object": "embedding", "index": place, "embedding": one} for place, one in enumerate(vectors)]
    if reply.fault == "shuffled":
        data.reverse()
    return {
        "object": "list",
        "data": data,
        "model": body["model"],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }

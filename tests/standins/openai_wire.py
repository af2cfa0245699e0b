"""What the stand-in for a server of OpenAI's protocol says: its events, its errors, its lists of models."""

import json
from collections.abc import Iterator
from typing import Any, Literal

from tests.standins.scripted import HUGE_LINE_BYTES, Fault, Reply, prompt_length, tokens_of, words_of

Flavour = Literal["openai", "groq", "vllm", "llamacpp"]

CREATED = 1_700_000_000
DONE = b"data: [DONE]"

BAD_LINES: dict[Fault, bytes] = {
    "garbage": b'data: {"choices": [{"delta": <<not JSON>>',
    "huge_line": b'data: {"choices": [{"delta": {"content": "' + b"a" * HUGE_LINE_BYTES + b'"}}]}',
    "error": b'data: {"error": {"message": "engine at http://10.0.0.7:8080 died", "type": "server_error"}}',
}


def answer_lines(
    reply: Reply, body: dict[str, Any], answer_tokens: int | None, *, thinks_in: str, usage_in: str
) -> Iterator[bytes]:
    """The events of an answer: one a token, one with the reason, one with the numbers of tokens, and the end.

    The role comes with the first token, in an event of its own. Without a reason there is none and no number.
    """
    tokens = tokens_of(reply, body, answer_tokens)
    thoughts = words_of(reply.thinking)
    pieces = [{thinks_in: thought} for thought in thoughts] + [{"content": token} for token in tokens]
    first = _event(body, {"role": "assistant", "content": ""}) + b"\n\n"
    for piece in pieces:
        yield first + _event(body, piece)
        first = b""
    numbers = {"prompt_tokens": prompt_length(reply, body), "completion_tokens": len(tokens) + len(thoughts)}
    usage = numbers | {"total_tokens": sum(numbers.values())}
    asked = reply.counts and (body.get("stream_options") or {}).get("include_usage") is True
    extra = {"x_groq": {"id": "req_1", "usage": usage}} if reply.counts and usage_in == "x_groq" else {}
    if reply.done_reason:
        yield first + _event(body, {}, finish_reason=reply.done_reason, **extra)
    if reply.done_reason and asked and usage_in == "usage":
        yield _data({**_head(body), "choices": [], "usage": usage})
    yield DONE


def whole_answer(reply: Reply, body: dict[str, Any], answer_tokens: int | None) -> dict[str, Any]:
    """The same in one piece, for who does not ask for a stream."""
    tokens = tokens_of(reply, body, answer_tokens)
    numbers = {"prompt_tokens": prompt_length(reply, body), "completion_tokens": len(tokens)}
    message = {"role": "assistant", "content": "".join(tokens)}
    return {
        **_head(body),
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": reply.done_reason}],
        "usage": numbers | {"total_tokens": sum(numbers.values())},
    }


def _head(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": body.get("model"),
    }


def _event(
    body: dict[str, Any], delta: dict[str, str], *, finish_reason: str | None = None, **extra: Any
) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _data({**_head(body), "choices": [choice], **extra})


def _data(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode()


def listed_model(name: str, flavour: Flavour, context_tokens: int) -> dict[str, Any]:
    """A model as a server of that kind lists it."""
    record: dict[str, Any] = {"id": name, "object": "model", "created": CREATED, "owned_by": flavour}
    match flavour:
        case "groq":
            record |= {"active": True, "context_window": context_tokens, "max_completion_tokens": 8192}
        case "vllm":
            record |= {"root": name, "parent": None, "max_model_len": context_tokens, "permission": []}
        case "llamacpp":
            meta = {"vocab_type": 1, "n_vocab": 128256, "n_embd": 3072, "n_ctx_train": 131072}
            record["meta"] = meta | {"n_params": 3212749888, "size": 2011539456}
    return record


def props(context_tokens: int, name: str) -> dict[str, Any]:
    """What llama.cpp's server says of itself: the window is that which it was started with."""
    return {
        "default_generation_settings": {"id": 0, "n_ctx": context_tokens, "params": {}},
        "total_slots": 1,
        "model_path": f"/models/{name}.gguf",
        "model_alias": name,
        "build_info": "b1-stand-in",
    }


def error_body(status: int, message: str, *, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code or str(status)}
    return {"error": error}


def too_long(flavour: Flavour, prompt_tokens: int, window: int) -> dict[str, Any]:
    """What a server of that kind says of a prompt that is longer than its window."""
    match flavour:
        case "llamacpp":
            said = f"request ({prompt_tokens} tokens) exceeds the available context size ({window} tokens)"
            numbers = {"n_prompt_tokens": prompt_tokens, "n_ctx": window}
            about = {"message": f"{said}, try increasing it", "type": "exceed_context_size_error"}
            return {"error": {"code": 400, **about, **numbers}}
        case "vllm":
            said = f"This model's maximum context length is {window} tokens."
            return error_body(400, f"{said} However, your request has {prompt_tokens} input tokens.")
        case "openai":
            said = f"This model's maximum context length is {window} tokens."
            told = f"{said} However, your messages resulted in {prompt_tokens} tokens."
            return error_body(400, told, code="context_length_exceeded")
        case "groq":
            said = "Please reduce the length of the messages or completion."
            return error_body(400, said, code="context_length_exceeded")

"""Refusals in the envelope of OpenAI's API, under the one path where its clients knock."""

from http import HTTPStatus
from typing import Any

PREFIX = "/openai/v1"

# What OpenAI calls what we call otherwise: its clients know these by name.
_CODES = {
    "not_authenticated": "invalid_api_key",
    "rate_limited": "rate_limit_exceeded",
    "quota_exceeded": "insufficient_quota",
    "question_too_long": "context_length_exceeded",
}


def speaks_openai(path: str) -> bool:
    """Whether who asks for this path reads its answers as OpenAI's."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def openai_error(*, status: int, code: str, detail: str, pointer: str = "") -> dict[str, Any]:
    """The body of a refusal; `pointer` says which field it is about."""
    param = _param(pointer)
    # Most clients show the sentence alone.
    message = f"{param}: {detail}" if param and param not in detail else detail
    return {
        "error": {
            "message": message,
            "type": _type_of(status, code),
            "param": param or None,
            "code": _CODES.get(code, code),
        }
    }


def _type_of(status: int, code: str) -> str:
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return "insufficient_quota" if code == "quota_exceeded" else "requests"
        case HTTPStatus.UNAUTHORIZED:
            return "authentication_error"
        case HTTPStatus.FORBIDDEN:
            return "permission_error"
        case _:
            return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


def _param(pointer: str) -> str:
    """A JSON pointer as OpenAI writes it: `/messages/0/content` is `messages[0].content`."""
    written = ""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        written += f"[{name}]" if name.isdigit() else f".{name}" if written else name
    return written

"""What both kinds of models behind OpenAI's API share: the address, the key, and who may change them."""

import re
from collections.abc import Mapping
from typing import Final, cast

import httpx2
import openai

from providers.errors import PromptTooLong, ProviderError

OPENAI: Final = "https://api.openai.com/v1"
# The SDK insists on a key; a server of one's own may need none.
NO_KEY: Final = "none"
# It would take these from the environment: they belong to another key than the one that is sent.
# The SDK's types leave out its way to say so.
HEADERS_OF_NOBODY: Final = cast(
    "Mapping[str, str]", {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
)

_TOO_LONG: Final = (
    "context_length_exceeded",
    "exceed_context_size",
    "maximum context length",
    "context size",
    "too large to process",
)
# llama.cpp has fields for the numbers, where it is asked for an answer; all others tell them in a sentence.
_WINDOW: Final = re.compile(
    r'"n_ctx": (\d{1,9})|maximum context length is (\d{1,9}) tokens|current batch size: (\d{1,9})'
)
_PROMPT: Final = re.compile(
    r'"n_prompt_tokens": (\d{1,9})|input \((\d{1,9}) tokens\)'
    r"|(\d{1,9}) in the messages|has (\d{1,9}) input tokens|messages resulted in (\d{1,9}) tokens"
)


def too_long(told: str) -> PromptTooLong | None:
    """What a refusal, in lower case, says of a text that is longer than the model takes, if that is why."""
    if not any(sign in told for sign in _TOO_LONG):
        return None
    return PromptTooLong(prompt_tokens=_number(_PROMPT, told), window=_number(_WINDOW, told))


def _number(pattern: re.Pattern[str], told: str) -> int | None:
    found = pattern.search(told)
    return int(next(filter(None, found.groups()))) if found else None


def address_of(base_url: str, api_key: str) -> str:
    """The server's, without a slash at its end; with only a key it is OpenAI's own. Raises ProviderError."""
    if not base_url and not api_key:
        detail = "No server that speaks OpenAI's API is set up in this installation."
        raise ProviderError("model_error", detail, permanent=True)
    return (base_url or OPENAI).rstrip("/")


def require_sendable(address: str, api_key: str) -> None:
    """Raises ProviderError unless both can be sent at all; what is wrong with them is not repeated."""
    try:
        url = httpx2.URL(address)
        is_url = url.scheme in {"http", "https"} and bool(url.host)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        is_url = False
    if not is_url:
        raise ProviderError("model_error", "The address of the model server is none.", permanent=True)
    if not (api_key.isascii() and api_key.isprintable()):
        raise ProviderError("model_error", "The key for the model server is none.", permanent=True)


def bearer(api_key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}

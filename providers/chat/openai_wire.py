"""OpenAI's protocol, without the connection: what is asked, and what the answers of its many speakers mean.

Sources: https://platform.openai.com/docs/api-reference/chat, https://docs.vllm.ai,
https://console.groq.com/docs/api-reference, https://github.com/ggml-org/llama.cpp/tree/master/tools/server
"""

import json
from collections.abc import Collection, Iterator
from typing import Any

from providers.chat.answers import count_of, incomplete, not_protocol, reported, require_text, text_of
from providers.chat.base import ChatDelta, ChatRequest, FinishReason, ModelInfo
from providers.chat.lines import MalformedLineError
from providers.chat.sse import SseReader
from providers.chat.thoughts import ThoughtSplitter
from providers.errors import PromptTooLong, ProviderError
from providers.openai_api import too_long

_OPENAI = "OpenAI"
_LENGTH = frozenset({"length", "max_tokens", "model_length"})
_BROKEN_OFF = frozenset({"abort", "error"})
# In the order in which they are most often refused.
_OPTIONS = ("max_completion_tokens", "max_tokens", "stream_options", "temperature", "top_p", "seed", "stop")
_NO_MODEL = ("model_not_found", "model_decommissioned")
_NOT_FOR_CHAT = ("embed", "whisper", "rerank", "moderation", "tts", "dall-e")
_SELF_HOSTED = frozenset({"vllm", "llamacpp"})
_TOO_LARGE = 413
_BILLION, _MILLION = 1_000_000_000, 1_000_000


def payload_of(request: ChatRequest, *, without: Collection[str]) -> dict[str, Any]:
    """The body of the request, less the options that the server refuses."""
    payload: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
        "stream": True,
    }
    if "stream_options" not in without:
        payload["stream_options"] = {"include_usage": True}
    wished = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    payload |= {name: wish for name, wish in wished.items() if wish is not None and name not in without}
    if request.max_tokens is not None:
        # Self-hosted servers know the old name, OpenAI's newer models only the other.
        limit = next((name for name in ("max_tokens", "max_completion_tokens") if name not in without), None)
        if limit is not None:
            payload[limit] = request.max_tokens
    return payload


def refused_option(told: bytes, payload: dict[str, Any]) -> str | None:
    """Which option of the payload a refusal is about, so that it can be left out.

    A refusal that names none may still mean the one that older servers do not know.
    """
    error = _error_in(told)
    if error is None or too_long(error) or any(sign in error for sign in _NO_MODEL):
        return None
    sent = [option for option in _OPTIONS if option in payload]
    named = next((option for option in sent if f"'{option}'" in error or f'"{option}"' in error), None)
    named = named or next((option for option in sent if option in error), None)
    return named or ("stream_options" if "stream_options" in sent else None)


def refusal_of(status: int, told: bytes) -> ProviderError:
    """Why a request was refused for good, in our own words: the same request would be refused again."""
    error = _error_in(told) or ""
    if refusal := too_long(error) or (PromptTooLong() if status == _TOO_LARGE else None):
        return refusal
    if any(sign in error for sign in _NO_MODEL):
        return absent()
    detail = "The model server refused to answer."
    return ProviderError("model_error", detail, permanent=True)


def absent() -> ProviderError:
    detail = "The model server does not have the model that was asked for."
    return ProviderError("model_error", detail, permanent=True)


def has_no_credit(told: bytes) -> bool:
    """Whether a server turns us away because nobody paid: OpenAI says so with the status of too many requests."""
    return "insufficient_quota" in (_error_in(told) or "")


def is_loading(told: bytes) -> bool:
    """Whether llama.cpp's server has only just been started."""
    return "loading model" in (_error_in(told) or "")


def _error_in(told: bytes) -> str | None:
    """All that a refusal says, in lower case; None when it is no JSON."""
    try:
        return json.dumps(json.loads(told)).casefold().replace('\\"', '"')
    except (ValueError, RecursionError):
        return None


class Answer:
    """Reads one answer, which is whole when the server has given a reason for its end or has said that it is done.

    After the reason come the numbers of tokens, from servers that send them: whatever is wrong from then on, the
    text was whole.
    """

    def __init__(self) -> None:
        self._reader = SseReader()
        self._thoughts = ThoughtSplitter()
        self._finish: FinishReason | None = None
        self._tokens: tuple[int | None, int | None] = (None, None)
        self._has_text = False
        self.has_begun = False

    @property
    def is_done(self) -> bool:
        """Whether the server has said that nothing more will come."""
        return self._reader.is_done

    @property
    def is_whole(self) -> bool:
        """Whether no text is missing. The numbers of tokens may still be to come."""
        return self._finish is not None or self._reader.is_done

    def feed(self, piece: bytes) -> Iterator[ChatDelta]:
        """What a piece of the stream adds, nothing at its end. Raises ProviderError."""
        try:
            for record in self._reader.feed(piece) if piece else self._reader.finish():
                delta = self._thoughts.split(self._read(record))
                if delta.text or delta.thinking:
                    self.has_begun = True
                    self._has_text = self._has_text or bool(delta.text.strip())
                    yield delta
        except MalformedLineError as error:
            raise (not_protocol(_OPENAI) if piece else incomplete()) from error
        if not piece and not self.is_whole:
            raise incomplete()

    def last(self) -> ChatDelta:
        """The delta that ends the answer. Raises ProviderError when there was none."""
        prompt, completion = self._tokens
        delta = self._thoughts.split(
            ChatDelta(finish_reason=self._finish or "stop", prompt_tokens=prompt, completion_tokens=completion)
        )
        require_text(has_text=self._has_text or bool(delta.text.strip()))
        return delta

    def _read(self, record: dict[str, object]) -> ChatDelta:
        if record.get("error"):
            raise reported()
        self._note_tokens(record)
        choices = record.get("choices")
        if not choices:
            return ChatDelta()
        choice = choices[0] if isinstance(choices, list) else None
        delta = choice.get("delta") or {} if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(delta, dict):
            raise not_protocol(_OPENAI)
        text = text_of(delta.get("content"), protocol=_OPENAI)
        thinking = text_of(delta.get("reasoning_content") or delta.get("reasoning"), protocol=_OPENAI)
        if reason := choice.get("finish_reason"):
            self._finish = _finish_of(str(reason))
        return ChatDelta(text=text, thinking=thinking)

    def _note_tokens(self, record: dict[str, object]) -> None:
        usage = record.get("usage")
        if not usage and isinstance(groq := record.get("x_groq"), dict):
            usage = groq.get("usage")
        if isinstance(usage, dict):
            self._tokens = (count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens")))


def _finish_of(reason: str) -> FinishReason:
    if reason in _BROKEN_OFF:
        raise incomplete()
    if reason == "content_filter":
        raise ProviderError("model_error", "The model server's filter stopped the answer.", permanent=True)
    return "length" if reason in _LENGTH else "stop"


def models_of(answer: object) -> list[dict[str, Any]]:
    """The records of a list of models. Raises ProviderError."""
    records = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(records, list):
        raise not_protocol(_OPENAI)
    return [one for one in records if isinstance(one, dict) and isinstance(one.get("id"), str) and one["id"]]


def can_chat(record: dict[str, Any]) -> bool:
    # The list does not say what a model is for; names do. Groq lists what it has switched off, too.
    name = record["id"].casefold()
    return record.get("active") is not False and not any(kind in name for kind in _NOT_FOR_CHAT)


def is_llama_cpp(record: dict[str, Any]) -> bool:
    """Whether the server tells more of itself under `/props`."""
    return record.get("owned_by") == "llamacpp"


def info_of(record: dict[str, Any], props: object = None) -> ModelInfo:
    """What the list says of a model, under the names that vLLM, llama.cpp, Groq and others have for it.

    llama.cpp's `props` have the window that it was started with, which is shorter than the model's as a rule.
    """
    meta = record.get("meta")
    if not isinstance(meta, dict):
        meta = {}
    generation = props.get("default_generation_settings") if isinstance(props, dict) else None
    windows = (
        generation.get("n_ctx") if isinstance(generation, dict) else None,
        meta.get("n_ctx"),
        *(record.get(name) for name in ("max_model_len", "context_window", "context_length")),
        meta.get("n_ctx_train"),
    )
    return ModelInfo(
        name=record["id"],
        context_tokens=next((length for window in windows if (length := count_of(window))), None),
        is_loaded=_is_loaded(record),
        size_bytes=count_of(meta.get("size")),
        parameters=_rounded(count_of(meta.get("n_params"))),
    )


def _is_loaded(record: dict[str, Any]) -> bool | None:
    status = record.get("status")
    if isinstance(status, dict) and isinstance(status.get("value"), str):
        return bool(status["value"] == "loaded")
    # These list what they run and nothing else.
    return True if record.get("owned_by") in _SELF_HOSTED else None


def _rounded(number: int | None) -> str:
    if not number:
        return ""
    return f"{number / _BILLION:.1f}B" if number >= _BILLION else f"{number / _MILLION:.0f}M"

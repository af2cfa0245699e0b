"""Ollama's protocol, without the connection: what is asked, and what the answers mean.

Source: https://docs.ollama.com/api
"""

from collections.abc import Iterator
from typing import Any

import ollama

from providers.chat.answers import count_of, incomplete, not_protocol, reported, text_of
from providers.chat.base import ChatDelta, ChatRequest, FinishReason, ModelInfo, PullProgress, PullStatus
from providers.chat.lines import MalformedLineError
from providers.chat.ndjson import NdjsonReader
from providers.errors import ProviderError

_OLLAMA = "Ollama"


def payload_of(request: ChatRequest, *, keep_alive: str) -> dict[str, object]:
    options: dict[str, object] = {"num_ctx": request.context_tokens}
    if request.max_tokens is not None:
        options["num_predict"] = request.max_tokens
    wished = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    options |= {name: wish for name, wish in wished.items() if wish is not None}
    return {
        "model": request.model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
        "stream": True,
        "keep_alive": keep_alive,
        "options": options,
    }


def records_of(reader: NdjsonReader, piece: bytes) -> Iterator[dict[str, object]]:
    """The objects that a piece of a stream completes, none at its end. Raises ProviderError at a bad line."""
    try:
        yield from reader.feed(piece) if piece else reader.finish()
    except MalformedLineError as error:
        raise (not_understood() if piece else incomplete()) from error


def delta_of(record: dict[str, object]) -> ChatDelta:
    if record.get("error"):
        raise reported()
    message = record.get("message", {})
    if not isinstance(message, dict):
        raise not_understood()
    finish: FinishReason | None = None
    if record.get("done") is True:
        finish = "length" if record.get("done_reason") == "length" else "stop"
    return ChatDelta(
        text=text_of(message.get("content"), protocol=_OLLAMA),
        thinking=text_of(message.get("thinking"), protocol=_OLLAMA),
        finish_reason=finish,
        prompt_tokens=count_of(record.get("prompt_eval_count")),
        completion_tokens=count_of(record.get("eval_count")),
    )


def models_of(answer: Any) -> list[ModelInfo]:
    """The models of a list that can chat. Raises ProviderError."""
    try:
        # In the client library's type; some servers say `name` alone where Ollama says both.
        models = [{**model, "model": model.get("model") or model.get("name")} for model in answer["models"] or []]
        listing = ollama.ListResponse.model_validate({"models": models})
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise not_understood() from error
    return [
        ModelInfo(
            name=model.model,
            size_bytes=None if model.size is None else int(model.size),
            parameters=(model.details.parameter_size if model.details else None) or "",
        )
        for model in listing.models
        if model.model and _can_chat(model)
    ]


def _can_chat(model: ollama.ListResponse.Model) -> bool:
    # The list does not say what a model is for; families and names of those that only embed do.
    family = (model.details.family if model.details else None) or ""
    return "bert" not in family and "embed" not in (model.model or "")


def loaded_of(answer: object) -> frozenset[str] | None:
    """Full names of the models in memory; None when the server does not say."""
    models = answer.get("models") if isinstance(answer, dict) else None
    if not isinstance(models, list):
        return None
    named = (model.get("model") or model.get("name") for model in models if isinstance(model, dict))
    return frozenset(full_name(name) for name in named if isinstance(name, str))


def full_name(model: str) -> str:
    """What Ollama makes of a name without a tag."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


def context_of(answer: object) -> int | None:
    """The longest window of a model, from its description; it is called after the model's architecture."""
    info = answer.get("model_info") if isinstance(answer, dict) else None
    if not isinstance(info, dict):
        return None
    architecture = info.get("general.architecture")
    if isinstance(architecture, str) and (known := count_of(info.get(f"{architecture}.context_length"))):
        return known
    lengths = (count_of(value) for key, value in info.items() if str(key).endswith(".context_length"))
    return next((length for length in lengths if length), None)


def parameters_of(answer: object) -> str:
    details = answer.get("details") if isinstance(answer, dict) else None
    size = details.get("parameter_size") if isinstance(details, dict) else None
    return size if isinstance(size, str) else ""


class Download:
    """Reads the progress of one pull and adds up its files, of which the server tells one at a time."""

    def __init__(self) -> None:
        self._reader = NdjsonReader()
        self._files: dict[object, tuple[int, int]] = {}
        self._status: PullStatus | None = None

    @property
    def has_begun(self) -> bool:
        return self._status is not None

    def feed(self, piece: bytes) -> Iterator[PullProgress]:
        """A progress for each record that a piece completes. Raises ProviderError."""
        for record in records_of(self._reader, piece):
            yield self._read(record)

    def finish(self) -> Iterator[PullProgress]:
        """The same for the last one. Raises ProviderError when the server did not say that it was done."""
        try:
            records = list(self._reader.finish())
        except MalformedLineError as error:
            raise broken_off() from error
        for record in records:
            yield self._read(record)
        if self._status != "done":
            raise broken_off()

    def _read(self, record: dict[str, object]) -> PullProgress:
        if error := record.get("error"):
            raise pull_failure(error)
        self._status = _pull_status(record.get("status"), self._status or "starting")
        total = count_of(record.get("total"))
        if total is not None:
            self._files[record.get("digest")] = (count_of(record.get("completed")) or 0, total)
        if not self._files:
            return PullProgress(status=self._status)
        completed, totals = (sum(numbers) for numbers in zip(*self._files.values(), strict=True))
        return PullProgress(status=self._status, completed=completed, total=totals)


def _pull_status(told: object, before: PullStatus) -> PullStatus:
    """In our own words: the server's change with its versions, and hold digests."""
    match str(told).split(" ")[:2]:
        case ["success", *_]:
            return "done"
        case ["pulling", "manifest"]:
            return "starting"
        case ["pulling" | "downloading", *_]:
            return "downloading"
        case ["verifying", *_]:
            return "verifying"
        case ["writing" | "removing", *_]:
            return "storing"
    return before


_PULL_FAILURES = (
    (("does not exist", "not found", "invalid model name"), "There is no model of this name to get."),
    (("no space left",), "The model server has no room left for this model."),
    (("newer version",), "This model needs a newer version of Ollama than the model server has."),
)


def pull_failure(told: object) -> ProviderError:
    """Why a model could not be got, in our own words."""
    lowered = str(told).casefold()
    for signs, detail in _PULL_FAILURES:
        if any(sign in lowered for sign in signs):
            return ProviderError("model_error", detail, permanent=True)
    return ProviderError("model_error", "The model server could not get the model.", permanent=False)


def broken_off() -> ProviderError:
    return ProviderError("model_incomplete", "The download broke off before it was complete.", permanent=False)


def not_understood() -> ProviderError:
    return not_protocol(_OLLAMA)

"""The one way in which a provider fails."""

from typing import Literal

ErrorCode = Literal[
    "model_unreachable",
    "model_error",
    "model_timeout",
    "model_incomplete",
    "model_empty",
    "model_busy",
]


class ProviderError(Exception):
    """A model could not do what was asked.

    `code` is stable and for programs. `detail` is a sentence for a person: it never holds an address,
    a key or anything that the model server sent. `permanent` says that the same call would fail again,
    so a caller must not retry it.
    """

    def __init__(self, code: ErrorCode, detail: str, *, permanent: bool) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: ErrorCode = code
        self.detail = detail
        self.permanent = permanent


class PromptTooLong(ProviderError):
    """The server refused a prompt that is longer than the model's window; a shorter one may do.

    `prompt_tokens` is how long it was and `window` what the model takes, where the server says so.
    """

    def __init__(self, *, prompt_tokens: int | None = None, window: int | None = None) -> None:
        detail = "The question, with what belongs to it, is longer than the model takes."
        super().__init__("model_error", detail, permanent=True)
        self.prompt_tokens = prompt_tokens
        self.window = window

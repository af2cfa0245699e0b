"""The one way in which a provider fails."""

from typing import Literal

ErrorCode = Literal[
    "model_unreachable",
    "model_error",
    "model_timeout",
    "model_incomplete",
    "model_empty",
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

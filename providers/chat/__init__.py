"""Chat models: a request goes in, text comes out piece by piece."""

from providers.chat.base import (
    ChatDelta,
    ChatMessage,
    ChatModel,
    ChatRequest,
    FinishReason,
    ModelInfo,
    ModelServer,
    Passage,
    PullProgress,
)

__all__ = [
    "ChatDelta",
    "ChatMessage",
    "ChatModel",
    "ChatRequest",
    "FinishReason",
    "ModelInfo",
    "ModelServer",
    "Passage",
    "PullProgress",
]

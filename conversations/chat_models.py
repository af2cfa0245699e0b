"""Which model answers: the configured one, else an Ollama that happens to run here, else quoting."""

import time
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.utils.translation import gettext as _

from providers.chat.base import ChatModel
from providers.chat.extractive import ExtractiveChat
from providers.chat.ollama import OllamaChat
from providers.errors import ProviderError

_LOCAL_OLLAMA = "127.0.0.1:11434"
_PROBE_SECONDS = 10.0
# One that is configured may be busy; one that merely might be there must not keep anybody waiting.
_PATIENCE, _IMPATIENCE = 5.0, 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider and the name of the model to ask it for."""

    provider: ChatModel
    model: str

    @property
    def is_model(self) -> bool:
        """Whether it writes; without a model passages are quoted."""
        return self.model != ExtractiveChat.name


class ModelChooser:
    """Remembers for ten seconds what Ollama listed."""

    def __init__(self) -> None:
        self._configured = bool(settings.OLLAMA_HOST or settings.DOCENT_CHAT_MODEL)
        self._ollama = OllamaChat(
            settings.OLLAMA_HOST or _LOCAL_OLLAMA,
            first_token_timeout=settings.DOCENT_FIRST_TOKEN_TIMEOUT,
            idle_timeout=settings.DOCENT_IDLE_TIMEOUT,
        )
        self._extractive = Choice(ExtractiveChat(), ExtractiveChat.name)
        self._listed: list[str] | None = None
        self._asked_at = float("-inf")

    async def choose(self) -> Choice:
        """The model for the next answer. Raises `ProviderError` when a configured server has none."""
        if settings.DOCENT_CHAT_MODEL:
            return Choice(self._ollama, settings.DOCENT_CHAT_MODEL)
        if time.monotonic() - self._asked_at > _PROBE_SECONDS:
            self._listed = await self._ollama.probe(timeout=_PATIENCE if self._configured else _IMPATIENCE)
            self._asked_at = time.monotonic()
        if self._listed:
            return Choice(self._ollama, self._listed[0])
        if not self._configured:
            return self._extractive
        # Ask again next time: whoever starts the server or pulls a model should not have to wait.
        self._asked_at = float("-inf")
        if self._listed is None:
            raise ProviderError("model_unreachable", "The model server cannot be reached.", permanent=False)
        raise ProviderError("model_error", "The model server has no model installed.", permanent=True)

    async def name(self) -> str:
        """What would answer now, for people to read."""
        try:
            choice = await self.choose()
            return _("No language model: answers are quotations") if choice is self._extractive else choice.model
        except ProviderError as error:
            return error.detail


@cache
def chooser() -> ModelChooser:
    return ModelChooser()

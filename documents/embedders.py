"""The embedding models of this installation, by the name that an index carries."""

import threading
from functools import cache
from pathlib import Path

from django.conf import settings

from documents.models import EmbeddingIndex
from documents.selectors import find_active_index
from providers.embedding.base import Embedder
from providers.embedding.builtin import BuiltinEmbedder

DEFAULT_MODEL = "builtin"
_IDLE_SECONDS = 60.0


@cache
def _builtin() -> BuiltinEmbedder:
    return BuiltinEmbedder(
        Path(settings.DOCENT_DATA) / "models",
        model_dir=Path(settings.DOCENT_EMBEDDER_DIR) if settings.DOCENT_EMBEDDER_DIR else None,
        threads=settings.DOCENT_EMBEDDER_THREADS or None,
    )


def embedder_of(model: str) -> Embedder:
    """The embedder that speaks an index's model. Raises KeyError for one this installation lacks."""
    if model != DEFAULT_MODEL:
        raise KeyError(model)
    return _builtin()


def get_or_create_index() -> EmbeddingIndex:
    """The tenant's active index; its first document makes it, with the built-in model."""
    index = find_active_index()
    if index is None:
        index, _created = EmbeddingIndex.objects.get_or_create(
            status=EmbeddingIndex.Status.ACTIVE,
            defaults={"model": DEFAULT_MODEL, "dimensions": embedder_of(DEFAULT_MODEL).dimensions},
        )
    return index


class IdleUnloader:
    """Drops the built-in model a minute after its last use: workers are idle most of the day."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def in_use(self) -> None:
        """Work begins: keep the model."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def idle(self) -> None:
        """Work is done: drop the model unless more comes within a minute."""
        with self._lock:
            self._timer = threading.Timer(_IDLE_SECONDS, _builtin().unload)
            self._timer.daemon = True
            self._timer.start()


idle_unloader = IdleUnloader()

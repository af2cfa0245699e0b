"""The embedding models of this installation, by the name that an index carries.

`builtin`, `ollama/<model>` or `openai/<model>`. Names are all that an organisation chooses: where the servers are,
the operator's settings say.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string
from numpy.typing import NDArray

from documents.chunking import embedded_text
from documents.idle_unloader import idle_unloader
from documents.models import Chunk, EmbeddingIndex
from documents.selectors import find_active_index
from providers.embedding.base import Embedder, Purpose
from providers.embedding.builtin import BuiltinEmbedder
from providers.embedding.ollama import OllamaEmbedder
from providers.errors import ProviderError
from providers.visible_text import plain

DEFAULT_MODEL = "builtin"
_LOCAL_OLLAMA = "127.0.0.1:11434"
_NAME = re.compile(r"[\w.:/@+-]{1,110}", re.ASCII)


@cache
def _builtin() -> BuiltinEmbedder:
    return BuiltinEmbedder(
        Path(settings.DOCENT_DATA) / "models",
        model_dir=Path(settings.DOCENT_EMBEDDER_DIR) if settings.DOCENT_EMBEDDER_DIR else None,
        threads=settings.DOCENT_EMBEDDER_THREADS or None,
    )


@cache
def _ollama(host: str, name: str, timeout: float, question_timeout: float) -> OllamaEmbedder:
    return OllamaEmbedder(host, name, timeout=timeout, question_timeout=question_timeout)


@cache
def _openai(base_url: str, api_key: str, name: str, timeout: float, question_timeout: float) -> Embedder:
    # Imported by whoever uses it: its library takes half a second of processor and memory in every process.
    embedder = import_string("providers.embedding.openai.OpenAIEmbedder")
    made: Embedder = embedder(base_url, api_key, name, timeout=timeout, question_timeout=question_timeout)
    return made


def embedder_of(model: str) -> Embedder:
    """The embedder that speaks an index's model; asks no server. Raises ProviderError for a name that is none."""
    if model == DEFAULT_MODEL:
        return _builtin()
    provider, _, name = model.partition("/")
    times = (settings.DOCENT_EMBEDDING_TIMEOUT, settings.DOCENT_QUESTION_TIMEOUT)
    if _NAME.fullmatch(name):
        match provider:
            case "ollama":
                return _ollama(settings.OLLAMA_HOST or _LOCAL_OLLAMA, name, *times)
            case "openai":
                return _openai(settings.DOCENT_OPENAI_BASE_URL, settings.DOCENT_OPENAI_API_KEY, name, *times)
    detail = "An embedding model is called builtin, ollama/… or openai/… with the server's name for it."
    raise ProviderError("model_error", detail, permanent=True)


def measure(model: str) -> int:
    """How many dimensions a model's vectors have: it is asked for one. Raises ProviderError."""
    return len(embedder_of(model).embed(["How long is a vector?"], purpose="query")[0])


def embed(index: EmbeddingIndex, texts: Sequence[str], *, purpose: Purpose) -> NDArray[np.float32]:
    """Unit vectors of the index's own space, shape [len(texts), dimensions]. Raises ProviderError."""
    vectors = embedder_of(index.model).embed(texts, purpose=purpose)
    if vectors.shape[1] != index.dimensions:
        detail = (
            f"The embedding model gives {vectors.shape[1]} dimensions and the index has {index.dimensions}:"
            " it is not the model that the index was made with."
        )
        raise ProviderError("model_error", detail, permanent=True)
    return vectors


def embed_passages(index: EmbeddingIndex, chunks: Sequence[Chunk]) -> NDArray[np.float32]:
    """Vectors of passages for an index, in their order. Raises ProviderError."""
    # Without the title, which may be changed and is matched when a question is asked.
    texts = [plain(embedded_text("", chunk.heading, chunk.text)) for chunk in chunks]
    return embed(index, texts, purpose="passage")


def get_or_create_index() -> EmbeddingIndex:
    """The tenant's active index; its first document makes it, with the built-in model."""
    index = find_active_index()
    if index is None:
        index, _created = EmbeddingIndex.objects.get_or_create(
            status=EmbeddingIndex.Status.ACTIVE,
            defaults={"model": DEFAULT_MODEL, "dimensions": BuiltinEmbedder.dimensions},
        )
    return index


idle_unloader.register(lambda: _builtin().unload())

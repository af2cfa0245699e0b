"""Vectors of texts by the built-in model, which costs nobody but this machine."""

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversations.openai_api.asking import EMBEDDER
from conversations.services.messages import SPENT_BY_ASKING
from documents.embedders import DEFAULT_MODEL, embedder_of
from providers.visible_text import plain
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.limits.quotas import require_quotas
from tenants.limits.usage import Spender, count_tokens
from tenants.models import QuotaKind

# A few at a time on one thread: requests go by turns, questions keep their own threads, and who leaves stops it.
_AT_ONCE = 16
_thread = ThreadPoolExecutor(1, thread_name_prefix="embeddings")
_TOKENS = tuple(kind for kind in SPENT_BY_ASKING if kind in {QuotaKind.TOKENS_DAY, QuotaKind.TOKENS_MONTH})


async def embeddings(access: Access, texts: Sequence[str], *, is_base64: bool) -> dict[str, Any]:
    """OpenAI's list of vectors, in the order of the texts. Raises `QuotaExceeded` and `ProviderError`."""
    await run_in_tenant(access.tenant_id, require_quotas, access, dict.fromkeys(_TOKENS, 1))
    loop = asyncio.get_running_loop()
    vectors: list[NDArray[np.float32]] = []
    tokens = 0
    for start in range(0, len(texts), _AT_ONCE):
        some = [plain(text) for text in texts[start : start + _AT_ONCE]]
        made, read = await loop.run_in_executor(_thread, _embed, some)
        vectors += list(made)
        tokens += read
    await run_in_tenant(access.tenant_id, _count, access, tokens)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": place, "embedding": _written(vector, is_base64=is_base64)}
            for place, vector in enumerate(vectors)
        ],
        "model": EMBEDDER,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _embed(texts: Sequence[str]) -> tuple[NDArray[np.float32], int]:
    """The vectors, and how many tokens were read of the texts."""
    embedder = embedder_of(DEFAULT_MODEL)
    read = sum(min(length, embedder.max_tokens) for length in embedder.count_tokens(texts))
    return embedder.embed(texts, purpose="passage"), read


def _count(access: Access, tokens: int) -> None:
    count_tokens(
        Spender(access.user_id, access.token_id), model=EMBEDDER, prompt_tokens=tokens, completion_tokens=0
    )


def _written(vector: NDArray[np.float32], *, is_base64: bool) -> str | list[float]:
    if is_base64:
        return b64encode(vector.astype("<f4").tobytes()).decode()
    numbers: list[float] = vector.tolist()
    return numbers

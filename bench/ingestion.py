"""How fast PDFs become searchable with one worker and one embedder, beside the embedding model alone.

The model alone embeds the very passages that were stored, right after the upload in the same run: nothing could be
faster than that. Then how soon the beginning of a long file is found, and, with `--documents`, whether memory
grows over that many small files.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Any

import httpx

from bench.corpus import Pdf, long_pdf, pdfs
from bench.figures import Figure, parser, report
from bench.memory import memory_of
from bench.portal import BenchError, Portal, portal, upload
from documents.chunking import embedded_text
from providers.embedding.builtin import BuiltinEmbedder

TARGET_PAGES = 9.0
TARGET_SHARE = 85.0
TARGET_FIRST = 10.0
TARGET_GROWTH = 5.0
_BATCH = 64
_LONG = 400
_ROUND = 50
_POLL = 0.1


def measure(running: Portal, files: Sequence[Pdf]) -> Iterable[Figure]:
    """Upload the files, say how long it took, and what part of that the model needs by itself."""
    measured = upload(running, files)
    pages = sum(file.pages for file in files)
    texts = list(_passages(running))
    alone = _embedding_seconds(texts, running)
    yield Figure(
        name=f"PDF ingestion, {pages} pages in {len(files)} files",
        value=pages / measured.seconds,
        unit="pages/s",
        target=TARGET_PAGES,
        more_is_better=True,
        details={
            # On a machine that does other things too this says what the clock does not.
            "pages for each two seconds of processor": 2 * pages / measured.processor_seconds,
            "passages a page": len(texts) / pages,
            **{f"{stage}, s": seconds for stage, seconds in measured.stages.items()},
        },
    )
    yield Figure(
        name="Passages a second, of those that the embedding model alone makes of the same passages",
        value=100 * alone / measured.seconds,
        unit="%",
        target=TARGET_SHARE,
        more_is_better=True,
        details={
            "ingestion, passages/s": len(texts) / measured.seconds,
            "embedding model alone, passages/s": len(texts) / alone,
        },
    )
    yield _first_passages(running)


def measure_growth(running: Portal, count: int) -> Iterable[Figure]:
    """Memory of worker and embedder while small files are processed: the last rounds against the first ones."""
    sizes: list[float] = []
    with running.client() as client:
        for start in range(0, count, _ROUND):
            # In one request: every worker process takes some and loads its models in the first round.
            notes = [("files", (f"note-{number}.txt", _note(number))) for number in range(start, start + _ROUND)]
            client.post("/documents/", files=notes).raise_for_status()
            _wait_until_idle(client)
            used = memory_of(running)
            sizes.append(used["worker"] + used["embedder"])
    # The first rounds load the models; from then on nothing should be added.
    early, late = median(sizes[1:4]), median(sizes[-3:])
    yield Figure(
        name=f"Memory of worker and embedder over {count} documents: growth",
        value=100 * (late / early - 1),
        unit="%",
        target=TARGET_GROWTH,
        details={"early, MB": early, "late, MB": late},
    )


def _note(number: int) -> bytes:
    return f"Note {number}. {f'The gate of yard {number} is open until nine. ' * 40}".encode()


def _first_passages(running: Portal) -> Figure:
    """From the first byte sent until a question finds something of the file."""
    file = long_pdf(_LONG)
    with running.client() as client:
        begun = time.perf_counter()
        response = client.post("/documents/", files={"files": (file.name, file.content, "application/pdf")})
        [document] = [one["id"] for one in response.raise_for_status().json()["results"]]
        question = {"query": "revenue of the harbour tariff", "top_k": 1, "documents": [document]}
        while not client.post("/search/", json=question).raise_for_status().json()["results"]:
            if time.perf_counter() - begun > 20 * TARGET_FIRST:
                raise BenchError("the long file is never found")
            time.sleep(_POLL)
        seconds = time.perf_counter() - begun
        client.post(f"/documents/{document}/cancel/", json={}).raise_for_status()
    return Figure(
        name=f"First passages of a file of {file.pages} pages found", value=seconds, unit="s", target=TARGET_FIRST
    )


def _passages(running: Portal) -> Iterator[str]:
    """What was embedded for each stored passage."""
    with running.client() as client:
        for document in _all(client, "/documents/"):
            for chunk in _all(client, f"/documents/{document['id']}/chunks/"):
                yield embedded_text("", chunk["heading"], chunk["text"])


def _all(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    address: str | None = f"{path}?limit=100"
    while address is not None:
        page = client.get(address).raise_for_status().json()
        yield from page["results"]
        address = page["next"]


def _embedding_seconds(texts: Sequence[str], running: Portal) -> float:
    embedder = BuiltinEmbedder(running.data / "models")
    embedder.embed(texts[:1], purpose="passage")
    begun = time.perf_counter()
    for start in range(0, len(texts), _BATCH):
        embedder.embed(texts[start : start + _BATCH], purpose="passage")
    return time.perf_counter() - begun


def _wait_until_idle(client: httpx.Client) -> None:
    while any(
        client.get("/documents/", params={"status": status, "limit": 1}).raise_for_status().json()["results"]
        for status in ("queued", "extracting", "chunking", "embedding")
    ):
        time.sleep(_POLL)


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--documents", type=int, default=0, metavar="N", help="also see whether memory grows")
    chosen = options.parse_args()
    with portal() as running:
        figures = [*measure(running, pdfs(chosen.pdfs, chosen.pages))]
        if chosen.documents:
            figures += measure_growth(running, chosen.documents)
    return report(figures, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())

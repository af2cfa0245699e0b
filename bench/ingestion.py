"""Pages a second from the upload of PDFs to their last passage being searchable, by one worker.

Beside it the embedding model alone on the same passages: nothing could be faster than that.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.corpus import Pdf, pdfs
from bench.figures import Figure, parser, report
from bench.portal import Portal, portal, upload
from documents.chunking import chunk_page, embedded_text
from documents.extraction import PDF, iter_pages
from providers.embedding.builtin import BuiltinEmbedder

TARGET_PAGES = 8.0
_SAMPLE = 1000  # passages
_BATCH = 64


def measure(running: Portal, files: Sequence[Pdf]) -> Iterable[Figure]:
    """Upload the files, and say how long it took."""
    measured = upload(running, files)
    pages = sum(file.pages for file in files)
    # The worker's model is of no use to this process, and both at once would measure neither.
    texts, sampled_pages = _passages(files)
    alone = _embedding_seconds(texts, running.data / "models")
    yield Figure(
        name=f"PDF ingestion, {pages} pages in {len(files)} files",
        value=pages / measured.seconds,
        unit="pages/s",
        target=TARGET_PAGES,
        more_is_better=True,
        details={
            # On a machine that does other things too this says what the clock does not.
            "pages for each two seconds of processor": 2 * pages / measured.processor_seconds,
            "embedding model alone, pages/s": sampled_pages / alone,
            "embedding model alone, passages/s": len(texts) / alone,
            "passages a page": len(texts) / sampled_pages,
            **{f"{stage}, s": seconds for stage, seconds in measured.stages.items()},
        },
    )


def _passages(files: Sequence[Pdf]) -> tuple[list[str], int]:
    """About a thousand passages as they are embedded, and the number of pages that they come from."""
    embedder = BuiltinEmbedder(Path())  # counting loads no weights
    texts: list[str] = []
    pages = 0
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            path = Path(folder) / "file.pdf"
            path.write_bytes(file.content)
            with iter_pages(path, PDF, allow_unisolated=True) as read:
                for page in read:
                    pages += 1
                    chunks = chunk_page(
                        page.text, page_start=page.start, title="", count_tokens=embedder.count_tokens
                    )
                    texts += [
                        embedded_text("", one.heading, page.text[one.start - page.start : one.end - page.start])
                        for one in chunks
                    ]
                    if len(texts) >= _SAMPLE:
                        return texts, pages
    return texts, pages


def _embedding_seconds(texts: Sequence[str], cache: Path) -> float:
    embedder = BuiltinEmbedder(cache)
    embedder.embed(texts[:1], purpose="passage")
    begun = time.perf_counter()
    for start in range(0, len(texts), _BATCH):
        embedder.embed(texts[start : start + _BATCH], purpose="passage")
    return time.perf_counter() - begun


def main() -> int:
    options = parser(__doc__).parse_args()
    with portal() as running:
        return report(measure(running, pdfs(options.pdfs, options.pages)), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())

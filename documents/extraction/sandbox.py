"""Parsing in a process of its own, killed when it takes too long, too much or more than it may.

Every file gets a fresh interpreter (about 60 ms) without network, secrets or Django. Nothing that a file
does to its reader reaches the caller: it comes back as an `ExtractionError`. All functions block; they may be
called from any thread, also from several at once.
"""

import base64
import os
from collections.abc import Generator
from functools import cache
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from documents.extraction.isolation import NetworkIsolation
from documents.extraction.outline import Outline, page_blocks
from documents.extraction.page_stream import PageStream
from documents.extraction.parser_process import ParserProcess
from documents.extraction.types import (
    PDF,
    Block,
    Extraction,
    ExtractionError,
    Limits,
    Member,
    Rect,
)

_KEPT_IN_MEMORY = 1 << 20  # bytes of an unpacked file; more goes to disk
_DEFAULT_LIMITS = Limits()


def iter_pages(
    path: Path, media_type: str, *, limits: Limits = _DEFAULT_LIMITS, allow_unisolated: bool = False
) -> PageStream:
    """The pages one by one as they are parsed, so that the first can be indexed before the last is read."""
    return PageStream(path, media_type, limits=limits, allow_unisolated=allow_unisolated)


def extract(
    path: Path, media_type: str, *, limits: Limits = _DEFAULT_LIMITS, allow_unisolated: bool = False
) -> Extraction:
    """The whole document at once; raises `ExtractionError`."""
    with iter_pages(path, media_type, limits=limits, allow_unisolated=allow_unisolated) as stream:
        pages = tuple(stream)
    outline = Outline(media_type)
    blocks: list[Block] = []
    for page in pages:
        blocks.extend(page_blocks(page, outline))
    return Extraction(pages=pages, blocks=tuple(blocks), media_type=media_type, title=stream.title)


def render_page(
    path: Path,
    page: int,
    *,
    width: int = 1400,
    limits: Limits = _DEFAULT_LIMITS,
    allow_unisolated: bool = False,
) -> bytes:
    """Page `page` (from 1) of a PDF as a PNG `width` pixels wide; raises `ExtractionError`."""
    request = {"operation": "render", "media_type": PDF, "page": page, "width": width}
    answer = _ask(request, path, limits, allow_unisolated=allow_unisolated)
    return base64.b64decode(answer["image"])


def locate(
    path: Path,
    page: int,
    start: int,
    end: int,
    *,
    limits: Limits = _DEFAULT_LIMITS,
    allow_unisolated: bool = False,
) -> list[Rect]:
    """Where characters [start, end) of that PDF page's saved text stand, one rectangle a line.

    The offsets count within the page, not within the version's text. Raises `ExtractionError`.
    """
    request = {"operation": "locate", "media_type": PDF, "page": page, "start": start, "end": end}
    answer = _ask(request, path, limits, allow_unisolated=allow_unisolated)
    return [Rect(**rect) for rect in answer["rects"]]


def draw_logo(
    path: Path, *, limits: Limits = _DEFAULT_LIMITS, allow_unisolated: bool = False
) -> tuple[bytes, int, int]:
    """A picture drawn anew as a small WebP, with its width and height; raises `ExtractionError`."""
    answer = _ask({"operation": "logo"}, path, limits, allow_unisolated=allow_unisolated)
    return base64.b64decode(answer["image"]), answer["width"], answer["height"]


def unpack(
    path: Path,
    *,
    member_size: int,
    limits: Limits = _DEFAULT_LIMITS,
    allow_unisolated: bool = False,
) -> Generator[Member, None, None]:
    """The files of a ZIP archive one after the other, each of at most `member_size` bytes or with its error.

    Raises `ExtractionError` when the archive as a whole is refused or broken; the members before were sound.
    Close the iterator (`contextlib.closing`) where it may not be read to its end.
    """
    request = {"operation": "unpack", "member_size": member_size}
    parser = ParserProcess(request, path, limits, allow_unisolated=allow_unisolated)
    try:
        while "done" not in (answer := parser.answer()):
            yield _member(parser, answer)
    finally:
        parser.kill()


def _member(parser: ParserProcess, answer: dict[str, Any]) -> Member:
    """The member whose first piece the answer is."""
    spool: IO[bytes] = SpooledTemporaryFile(max_size=_KEPT_IN_MEMORY)  # noqa: SIM115 - its receiver closes it
    try:
        spool.write(base64.b64decode(answer["data"]))
        while not answer["is_last"]:
            answer = parser.answer()
            spool.write(base64.b64decode(answer["data"]))
    except BaseException:
        spool.close()
        raise
    if refusal := answer["refusal"]:
        spool.close()
        return Member(answer["name"], error=ExtractionError(refusal["code"], refusal["detail"]))
    spool.seek(0)
    return Member(answer["name"], content=spool)


@cache
def network_isolation() -> NetworkIsolation | None:
    """What keeps parsers off the network on this machine; None: nothing does, and parsing is refused."""
    answer = _ask({"operation": "probe"}, Path(os.devnull), _DEFAULT_LIMITS, allow_unisolated=True)
    isolated_by: NetworkIsolation | None = answer["isolated_by"]
    return isolated_by


def _ask(request: dict[str, Any], path: Path, limits: Limits, *, allow_unisolated: bool) -> dict[str, Any]:
    """The single answer to a request."""
    parser = ParserProcess(request, path, limits, allow_unisolated=allow_unisolated)
    try:
        return parser.answer()
    finally:
        parser.kill()

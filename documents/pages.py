"""Showing a page of a document: its text, its image, and where a passage stands on it.

Reading the database and asking the parser are two steps, because no connection is held while a parser works.
"""

import asyncio
import logging
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext

from documents import storage
from documents.extraction import ExtractionError, Limits, Rect, locate, render_page
from documents.models import Page
from documents.selectors import access_page, count_pages
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.errors import InvalidInput, NotFound

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """A page and the passage looked for on it. Plain values, good outside any transaction.

    `current_version` is the one that is searched now, of `current_pages` pages.
    `start` and `end` are the page's place in the version's text, `passage_start` and `passage_end` the
    passage's place in `text`; both are 0 when none is looked for. All count code points.
    """

    tenant_id: UUID
    document_id: UUID
    version_id: UUID
    name: str
    title: str
    media_type: str
    version: int
    current_version: int
    current_pages: int
    pages: int
    number: int
    label: str
    is_recognised: bool
    text: str
    start: int
    end: int
    width: float
    height: float
    passage_start: int
    passage_end: int
    storage_key: str
    sha256: str
    size: int

    @property
    def has_image(self) -> bool:
        return self.width > 0


def read_page(  # noqa: PLR0917
    access: Access,
    document_id: UUID,
    number: int,
    version: int | None = None,
    start: int | None = None,
    end: int | None = None,
) -> PageView:
    """The page, in the caller's unit. Raises `NotFound`, or `InvalidInput` for a passage not on it."""
    page = access_page(access, document_id, number, version)
    document = page.version.document
    _require_passage(page, start, end)
    return PageView(
        tenant_id=access.tenant_id,
        document_id=document.id,
        version_id=page.version.id,
        name=page.version.name,
        title=document.title,
        media_type=page.version.media_type,
        version=page.version.number,
        current_version=document.current_version,
        current_pages=document.page_count,
        pages=count_pages(page.version),
        number=page.number,
        label=page.label,
        is_recognised=page.is_recognised,
        text=page.text,
        start=page.start,
        end=page.end,
        width=page.width,
        height=page.height,
        passage_start=0 if start is None else start - page.start,
        passage_end=0 if end is None else end - page.start,
        storage_key=page.version.storage_key,
        sha256=page.version.sha256,
        size=page.version.size,
    )


def _require_passage(page: Page, start: int | None, end: int | None) -> None:
    """`InvalidInput` where it does not lie on the page; without a start there is none."""
    said = gettext("Page {number} is [{start}, {end}).").format(number=page.number, start=page.start, end=page.end)
    if start is not None and not page.start <= start < page.end:
        raise InvalidInput.at("/start", said, "out_of_range")
    if start is not None and (end is None or not start < end <= page.end):
        raise InvalidInput.at("/end", said, "out_of_range")


async def open_page(
    access: Access,
    document_id: UUID,
    number: int,
    *,
    version: int | None = None,
    start: int | None = None,
    end: int | None = None,
) -> tuple[PageView, list[Rect]]:
    """The page and the passage's rectangles on it. Raises as `read_page` does."""
    page = await run_in_tenant(access.tenant_id, read_page, access, document_id, number, version, start, end)
    return page, await asyncio.to_thread(locate_passage, page)


def locate_passage(page: PageView) -> list[Rect]:
    """Where the passage stands, one rectangle a line; none on pages without an image. Asks the parser."""
    if not page.has_image or page.passage_start == page.passage_end:
        return []
    try:
        with storage.verified_path(page.storage_key, page.sha256, page.size) as path:
            return locate(
                path,
                page.number,
                page.passage_start,
                page.passage_end,
                limits=_limits(),
                allow_unisolated=settings.DOCENT_ALLOW_UNISOLATED_PARSER,
            )
    except ExtractionError:
        return []  # the text is shown all the same


def page_image(page: PageView) -> bytes:
    """The page as a PNG, kept once rendered. Asks the parser.

    Raises `NotFound` where there is none, and `ExtractionError` when the file is not what was stored any more.
    """
    no_image = NotFound("This page is not shown as an image.", code="no_page_image")
    if not page.has_image:
        raise no_image
    key = storage.page_image_key(page.tenant_id, page.version_id, page.number)
    if (kept := storage.find_image(key)) is not None:
        return kept
    with storage.verified_path(page.storage_key, page.sha256, page.size) as path:
        try:
            image = render_page(
                path,
                page.number,
                limits=_limits(),
                allow_unisolated=settings.DOCENT_ALLOW_UNISOLATED_PARSER,
            )
        except ExtractionError as error:
            raise no_image from error
    try:
        storage.save_image(key, image)
    except OSError as error:
        # It is seen all the same, and rendered anew the next time.
        logger.warning("A page image could not be kept: %s", error.strerror)
    return image


def _limits() -> Limits:
    return Limits(seconds=settings.DOCENT_PARSER_SECONDS)

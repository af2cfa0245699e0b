"""Where a passage is shown."""

from urllib.parse import urlencode
from uuid import UUID

from tenants.addresses.links import tenant_url


def passage_path(  # noqa: PLR0917 - an address has this many parts
    slug: str, document: UUID, version: int, page: int, start: int, end: int
) -> str:
    """The portal's path of a passage: code points [start, end) of the version's text, standing on `page`.

    `tenants.addresses.links.absolute` makes it an address for programs.
    """
    place = tenant_url(slug, "passage", document, version, page)
    return f"{place}?{urlencode({'start': start, 'end': end})}"

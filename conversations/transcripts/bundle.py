"""Several conversations as one zip, each as Markdown to read and as JSON to keep."""

from collections.abc import Iterable
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from conversations.models import Conversation
from conversations.transcripts.files import Format, transcript_of
from tenants.access import Access


def transcripts_of(access: Access, conversations: Iterable[Conversation]) -> bytes:
    """Conversations of one's own; of two with the same name the second has a number."""
    content = BytesIO()
    taken: set[str] = set()
    with ZipFile(content, "w", ZIP_DEFLATED) as bundle:
        for one in conversations:
            for wanted in (Format.MARKDOWN, Format.JSON):
                made = transcript_of(access, one, wanted)
                bundle.writestr(_free_name(made.name, taken), made.content)
    return content.getvalue()


def _free_name(name: str, taken: set[str]) -> str:
    stem, _, extension = name.rpartition(".")
    free, number = name, 1
    while free.casefold() in taken:
        number += 1
        free = f"{stem}-{number}.{extension}"
    taken.add(free.casefold())
    return free

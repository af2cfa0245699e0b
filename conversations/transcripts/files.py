"""One conversation as a file: what is in it, in which format, and under which name."""

import json
import re
import unicodedata
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from conversations.models import Conversation
from conversations.selectors.archives import shown_branch, shown_messages
from conversations.selectors.conversations import scope_of
from conversations.transcripts.html import as_html
from conversations.transcripts.markdown import as_markdown
from conversations.transcripts.pieces import Transcript
from tenants.access import Access
from tenants.selectors import find_logo

# What a program that reads the JSON looks for first.
SCHEMA = "docent-conversation/1"
_LONGEST_NAME = 80


class Format(StrEnum):
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


class _Kind(NamedTuple):
    extension: str
    media_type: str


FORMATS = {
    Format.JSON: _Kind("json", "application/json"),
    Format.MARKDOWN: _Kind("md", "text/markdown; charset=utf-8"),
    Format.HTML: _Kind("html", "text/html; charset=utf-8"),
}


class TranscriptFile(NamedTuple):
    name: str
    media_type: str
    content: bytes


def transcript_of(
    access: Access, conversation: Conversation, wanted: Format, leaf_id: UUID | None = None
) -> TranscriptFile:
    """A conversation of one's own, archived or not: all of it in JSON, else the branch that it is at.

    With `leaf_id` the branch that ends with that message.
    Raises `InvalidInput` for a leaf that is not in it.
    """
    branch = shown_branch(access, conversation, leaf=leaf_id)
    if wanted is Format.JSON:
        leaf = branch[-1]["id"] if branch else None
        text = json.dumps(_as_programs_read_it(access, conversation, leaf), ensure_ascii=False, indent=2)
    else:
        transcript = Transcript(
            title=conversation.title,
            organisation=access.tenant_name,
            begun_at=conversation.created_at,
            exported_at=timezone.now(),
            messages=tuple(branch),
            logo=find_logo(access) if wanted is Format.HTML else b"",
        )
        text = as_markdown(transcript) if wanted is Format.MARKDOWN else as_html(transcript)
    kind = FORMATS[wanted]
    return TranscriptFile(_file_name(conversation.title, kind.extension), kind.media_type, text.encode())


def _as_programs_read_it(access: Access, conversation: Conversation, leaf: str | None) -> dict[str, Any]:
    """All branches, in the shapes of the API."""
    scope = scope_of(conversation)
    return {
        "schema": SCHEMA,
        "exported_at": timezone.now().isoformat(),
        "conversation": {
            "id": str(conversation.id),
            "title": conversation.title,
            "mode": conversation.mode,
            "persona": conversation.persona and conversation.persona.slug,
            "memory": conversation.memory,
            "memory_turns": conversation.memory_turns,
            "collections": [str(one) for one in scope.collections or ()],
            "documents": [str(one) for one in scope.documents or ()],
            "metadata": conversation.metadata,
            "created_at": conversation.created_at.isoformat(),
            "updated_at": conversation.updated_at.isoformat(),
            "ended_at": conversation.ended_at and conversation.ended_at.isoformat(),
            "archived_at": conversation.archived_at and conversation.archived_at.isoformat(),
        },
        "leaf": leaf,
        "messages": shown_messages(access, conversation),
    }


def _file_name(title: str, extension: str) -> str:
    """Of letters and digits of any script, so that every file system takes it."""
    stem = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFC", title)).strip("-_")[:_LONGEST_NAME].strip("-_")
    return f"{stem or 'conversation'}.{extension}"

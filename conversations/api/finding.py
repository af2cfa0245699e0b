"""`/conversations/?search=`: one's own conversations that fit, best first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from rest_framework.utils.urls import replace_query_param

from conversations.api.serializers import ConversationSerializer
from conversations.models import Conversation, Message
from conversations.searching.search import Excerpt, Found, excerpts, find_conversations
from conversations.selectors.conversations import with_chosen
from retrieval.types import QuestionVector
from tenants.access import Access
from tenants.errors import InvalidInput, NotFound, TooLarge

# As much of a piece as an excerpt is chosen from.
_PIECE = 800


class Sought(NamedTuple):
    """What is looked for, its vector if it has one, and how many are told of at once."""

    query: str
    vector: QuestionVector | None
    limit: int


def searched_for(request: HttpRequest, *, name: str = "search") -> str:
    """What is looked for; empty where nothing is. Raises `InvalidInput`, and `TooLarge` as for a question."""
    search = request.GET.get(name, "").strip()
    if "\0" in search:
        raise InvalidInput.at(f"/{name}", "Null characters are not allowed.", "null_characters_not_allowed")
    if len(search.encode()) > settings.DOCENT_MAX_QUESTION_BYTES:
        limit = settings.DOCENT_MAX_QUESTION_BYTES // 1000
        raise TooLarge(
            gettext("What is looked for may have up to {limit} kB.").format(limit=limit), code="question_too_long"
        )
    return search


def found_page(
    request: HttpRequest, access: Access, rows: QuerySet[Conversation], sought: Sought
) -> dict[str, Any]:
    """A page of those of `rows` that fit, each with its `hit`; inside the caller's unit."""
    fitting = find_conversations(access, sought.query, sought.vector)
    allowed = set(rows.filter(id__in=[one.conversation for one in fitting]).values_list("id", flat=True))
    found = [one for one in fitting if one.conversation in allowed]
    begin = _begin(found, request.GET.get("cursor"))
    limit = sought.limit
    page = found[begin : begin + limit]
    url = request.build_absolute_uri()
    is_more = begin + limit < len(found)
    return {
        "next": replace_query_param(url, "cursor", _cursor(begin + limit, page[-1])) if is_more else None,
        "previous": replace_query_param(url, "cursor", _cursor(max(0, begin - limit), None)) if begin else None,
        "results": _present(page, rows, sought.query),
    }


def _present(page: Sequence[Found], rows: QuerySet[Conversation], query: str) -> list[dict[str, Any]]:
    conversations = with_chosen(rows).in_bulk([one.conversation for one in page])
    messages = Message.objects.in_bulk([one.message for one in page if one.message])
    texts = [
        messages[one.message].content[one.start : one.start + _PIECE]
        if one.message
        else conversations[one.conversation].title
        for one in page
    ]
    return [
        {
            **ConversationSerializer(conversations[one.conversation]).data,
            "hit": _hit(one, messages.get(one.message) if one.message else None, excerpt),
        }
        for one, excerpt in zip(page, excerpts(query, texts), strict=True)
    ]


def _hit(found: Found, message: Message | None, excerpt: Excerpt) -> dict[str, Any]:
    return {
        "message": str(found.message) if found.message else None,
        "role": message.role if message else None,
        "snippet": excerpt.text,
        "marks": [list(mark) for mark in excerpt.marks],
    }


def _cursor(begin: int, last: Found | None) -> str:
    """Where to go on: behind what was last, or, should that be found no more, at its place."""
    return urlsafe_b64encode(f"{begin}:{last.conversation if last else ''}".encode()).decode()


def _begin(found: Sequence[Found], cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        begin, _, last = urlsafe_b64decode(cursor.encode()).decode().partition(":")
        place, behind = int(begin), UUID(last) if last else None
    except ValueError as error:
        raise NotFound("Invalid cursor") from error
    if place < 0:
        raise NotFound("Invalid cursor")
    return next((number for number, one in enumerate(found, start=1) if one.conversation == behind), place)

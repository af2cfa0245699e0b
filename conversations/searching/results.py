"""What a search in one's own conversations has found, as pages show it."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from conversations.models import Conversation, Message
from conversations.searching.listing import item_of
from conversations.searching.search import Excerpt, Found, excerpts

# As much of a message as an excerpt is chosen from.
PIECE = 800


def found_items(query: str, found: Sequence[Found]) -> list[dict[str, Any]]:
    """Each with its title and, where a message fits, some words of it and the address that leads there."""
    conversations = Conversation.objects.in_bulk([one.conversation for one in found])
    messages = Message.objects.in_bulk([one.message for one in found if one.message])
    # What went at this moment is not found.
    found = [one for one in found if one.conversation in conversations and one.message in {None, *messages}]
    titles = excerpts(query, [conversations[one.conversation].title for one in found])
    texts = [messages[one.message].content[one.start :][:PIECE] if one.message else "" for one in found]
    items = []
    for one, title, told in zip(found, titles, excerpts(query, texts), strict=True):
        conversation = conversations[one.conversation]
        item = item_of(conversation)
        if one.message:
            item["url"] = f"{item['url']}?{urlencode({'message': one.message})}#m-{one.message}"
            item["hit"] = {"role": messages[one.message].role, "pieces": list(_pieces(told))}
        # A long title is told in part: then it stands there whole and unmarked.
        is_whole = title.text == conversation.title
        item["title_pieces"] = list(_pieces(title if is_whole else Excerpt(conversation.title, ())))
        items.append(item)
    return items


def _pieces(excerpt: Excerpt) -> Iterator[tuple[str, bool]]:
    """The text, cut where marks begin and end, each piece with whether it is marked."""
    place = 0
    for begin, end in excerpt.marks:
        if begin > place:
            yield excerpt.text[place:begin], False
        yield excerpt.text[begin:end], True
        place = end
    if place < len(excerpt.text):
        yield excerpt.text[place:], False

"""Reads of shares and the doors to them.

A share opens questions and answers, never documents. Who reads gets an answer only while they see every document
that it rests on, as if they had asked; of the others they learn that there is one. Shares end at once: every read
looks whether this one still is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from conversations.models import Conversation, Message, Role, Share, ShareReader, Status
from conversations.selectors.branches import branch_to, latest_leaf
from conversations.selectors.conversations import message_views
from conversations.selectors.memory import REFUSED
from conversations.selectors.sight import hidden_in
from tenants.access import Access
from tenants.errors import NotFound
from tenants.models import GroupMember, Membership, User
from tenants.permissions import Action
from tenants.selectors import get_tenant

_TITLE = 60


def list_shares(access: Access) -> QuerySet[Share]:
    """One's own that are neither revoked nor expired."""
    access.require(Action.CHAT)
    found: QuerySet[Share] = Share.alive().filter(created_by_id=access.user_id)
    return found


def list_shares_with(access: Access) -> QuerySet[Share]:
    """What others let this person read by name or by a group, or by a link that they have opened."""
    access.require(Action.CHAT)
    opened = _readers(access).filter(is_by_link=True, share=OuterRef("id"))
    listed = _named(access) | Q(Exists(opened), is_by_link=True)
    return _open(access).filter(listed).exclude(created_by_id=access.user_id)


def access_share(access: Access, share_id: UUID) -> Share:
    """One's own, or one that may be read. Missing, foreign, revoked and expired are the same `NotFound`."""
    own = list_shares(access).filter(id=share_id)
    readable = _open(access).filter(Q(is_by_link=True) | _named(access), id=share_id)
    share = own.select_related("conversation").first() or readable.select_related("conversation").first()
    if share is None:
        raise NotFound("There is no such shared conversation, or it is not shared with you any more.")
    return share


def shares_of(conversation: Conversation) -> QuerySet[Share]:
    """What its author shares of it."""
    found: QuerySet[Share] = Share.alive().filter(conversation=conversation).order_by("created_at", "id")
    return found


def may_share(access: Access) -> bool:
    return access.allows(Action.SHARE) and get_tenant(access.tenant_id).members_may_share


def _open(access: Access) -> QuerySet[Share]:
    """Those that open at all: none where the organisation has switched sharing off, or whose author has left."""
    if not get_tenant(access.tenant_id).members_may_share:
        return Share.alive().none()
    authors = Membership.objects.filter(user_id=OuterRef("created_by_id"), user__is_active=True)
    return Share.alive().filter(Exists(authors))


def _named(access: Access) -> Q:
    return Q(Exists(_readers(access).filter(is_by_link=False, share=OuterRef("id"))))


def _readers(access: Access) -> QuerySet[ShareReader]:
    """The person, and the groups that they are in."""
    memberships = Membership.objects.filter(user_id=access.user_id)
    groups = GroupMember.objects.filter(membership__in=memberships).values("group")
    found: QuerySet[ShareReader] = ShareReader.objects.filter(Q(membership__in=memberships) | Q(group__in=groups))
    return found


def leaf_of(share: Share) -> Message:
    """The last message that the share shows."""
    leaf = latest_leaf(share.conversation) if share.is_living else None
    return leaf or Message.objects.get(id=share.leaf_id)


def list_shared_messages(share: Share) -> QuerySet[Message]:
    """Oldest first."""
    ids = [message.id for message in branch_to(leaf_of(share))]
    found: QuerySet[Message] = Message.objects.filter(id__in=ids).order_by("created_at", "id")
    return found


def shared_message_views(access: Access, share: Share, messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Questions and answers as `access` may read them, without what only their author needs to know."""
    hidden = hidden_in(access, [share.conversation_id])
    return [_shared_view(view, is_withheld=UUID(view["id"]) in hidden) for view in message_views(access, messages)]


# Of a message, what its readers have a use for.
_SHOWN = ("id", "role", "parent", "content", "status", "finish_reason", "model", "citations", "sources")


def _shared_view(view: dict[str, Any], *, is_withheld: bool) -> dict[str, Any]:
    shown = {name: view[name] for name in _SHOWN}
    # What is being written may rest on what is not stored yet.
    is_written = view["role"] == Role.ASSISTANT and view["status"] in {Status.PENDING, Status.STREAMING}
    if is_withheld or is_written:
        shown |= {"content": "", "model": None, "finish_reason": None, "citations": [], "sources": []}
    elif view["status"] == Status.REFUSED:
        # A refusal names collections and documents, which its reader may not know.
        shown |= {"content": REFUSED, "sources": []}
    return {**shown, "is_withheld": is_withheld, "created_at": view["created_at"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareView:
    """A share as somebody sees it. To whom it is given only its author learns."""

    id: UUID
    title: str
    author_id: UUID
    author: str
    is_own: bool
    is_living: bool
    is_by_link: bool
    # Whether it stands in one's list because one has opened its link.
    has_opened: bool
    created_at: datetime
    expires_at: datetime | None
    conversation: UUID | None
    people: tuple[UUID, ...]
    groups: tuple[UUID, ...]


def share_views(access: Access, shares: Sequence[Share]) -> list[ShareView]:
    """In their order; a handful of queries, and one more for each title that says too much."""
    authors = dict(User.objects.filter(id__in={one.created_by_id for one in shares}).values_list("id", "email"))
    names = dict(User.objects.filter(id__in=authors).exclude(name="").values_list("id", "name"))
    hidden = hidden_in(access, [one.conversation_id for one in shares if one.created_by_id != access.user_id])
    holding = set(Message.objects.filter(id__in=hidden).values_list("conversation_id", flat=True))
    opened = set(
        _readers(access)
        .filter(is_by_link=True, share__in=[one.id for one in shares])
        .values_list("share_id", flat=True)
    )
    readers: dict[UUID, list[ShareReader]] = {}
    own = [one.id for one in shares if one.created_by_id == access.user_id]
    # Who came by the link is nobody's to know but the audit log's.
    for reader in ShareReader.objects.filter(share__in=own, is_by_link=False).select_related("membership"):
        readers.setdefault(reader.share_id, []).append(reader)
    return [
        ShareView(
            id=one.id,
            title=_title(one, is_told=one.conversation_id not in holding),
            author_id=one.created_by_id,
            author=names.get(one.created_by_id) or authors.get(one.created_by_id, ""),
            is_own=one.id in own,
            is_living=one.is_living,
            is_by_link=one.is_by_link,
            has_opened=one.id in opened,
            created_at=one.created_at,
            expires_at=one.expires_at,
            conversation=one.conversation_id if one.id in own else None,
            people=tuple(sorted(r.membership.user_id for r in readers.get(one.id, []) if r.membership)),
            groups=tuple(sorted(r.group_id for r in readers.get(one.id, []) if r.group_id)),
        )
        for one in shares
    ]


def _title(share: Share, *, is_told: bool) -> str:
    """A title that a model made of answers says what stands in them: then the first question is the title."""
    if is_told or share.conversation.has_manual_title:
        title: str = share.conversation.title
        return title
    first = " ".join(branch_to(leaf_of(share))[0].content.split())
    return first if len(first) <= _TITLE else first[: _TITLE - 1].rstrip() + "…"

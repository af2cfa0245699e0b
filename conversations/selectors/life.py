"""When conversations end, are archived and are deleted: what the organisation has said, and what that means now.

Activity is a question, a new name or other metadata. While an answer is being written a conversation is not idle.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from conversations.models import Conversation, LifePolicy, Message, Origin, Share, Status
from conversations.models.life import ARCHIVE_AFTER_DAYS, QUERY_IDLE_MINUTES
from documents.models import Document

RUNNING = (Status.PENDING, Status.STREAMING)
_WEEK, _MONTH = 7, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeRules:
    """Minutes and days after which something happens; None: never. What `LifePolicy` keeps."""

    query_idle_minutes: int | None = QUERY_IDLE_MINUTES
    chat_idle_minutes: int | None = None
    archive_after_days: int | None = ARCHIVE_AFTER_DAYS
    delete_idle_days: int | None = None
    delete_query_days: int | None = None
    delete_archived_days: int | None = None
    spares_pinned: bool = True
    spares_shared: bool = True
    allows_temporary: bool = True

    @property
    def deletes(self) -> bool:
        return any((self.delete_idle_days, self.delete_query_days, self.delete_archived_days))

    def view(self) -> dict[str, Any]:
        return asdict(self)


MINUTES = ("query_idle_minutes", "chat_idle_minutes")
DAYS = ("archive_after_days", "delete_idle_days", "delete_query_days", "delete_archived_days")
SPARED = ("spares_pinned", "spares_shared")
SWITCHES = (*SPARED, "allows_temporary")


def life_rules() -> LifeRules:
    """The active organisation's."""
    policy = LifePolicy.objects.first()
    if policy is None:
        return LifeRules()
    return LifeRules(**{name: getattr(policy, name) for name in (*MINUTES, *DAYS, *SWITCHES)})


def list_idle(rules: LifeRules) -> QuerySet[Conversation]:
    """Conversations whose time without activity is over and that have not ended."""
    now = timezone.now()
    wanted = Q(pk__in=[])
    for origin, minutes in ((Origin.QUERY, rules.query_idle_minutes), (Origin.CHAT, rules.chat_idle_minutes)):
        if minutes:
            wanted |= Q(origin=origin, updated_at__lt=now - timedelta(minutes=minutes))
    return _listed_at_rest().filter(wanted, ended_at=None)


def list_to_archive(rules: LifeRules) -> QuerySet[Conversation]:
    """Conversations that ended long enough ago and still have their messages here.

    Pinned ones stay where they are, and so do shared ones, which their readers would lose.
    """
    if not rules.archive_after_days:
        return _listed_at_rest().none()
    before = timezone.now() - timedelta(days=rules.archive_after_days)
    return _listed_at_rest().filter(ended_at__lt=before, archived_at=None, pinned_at=None).exclude(is_shared())


def _listed_at_rest() -> QuerySet[Conversation]:
    return _at_rest().filter(unlisted_until=None)


def _at_rest() -> QuerySet[Conversation]:
    running = Message.objects.filter(conversation=OuterRef("id"), status__in=RUNNING)
    found: QuerySet[Conversation] = _members().filter(~Exists(running))
    return found


def _members() -> QuerySet[Conversation]:
    """How long those of a web site's visitors are kept is for the site to say."""
    found: QuerySet[Conversation] = Conversation.objects.filter(site=None)
    return found


def list_past() -> QuerySet[Conversation]:
    """What is not to be there any more, whatever the organisation keeps of the rest.

    Asked in passing long enough ago, deleted and not brought back, or temporary and left.
    """
    return _at_rest().filter(unlisted_until__lt=Now())


def list_due(rules: LifeRules) -> QuerySet[Conversation]:
    """Conversations that the organisation wants deleted now."""
    return _listed_at_rest().filter(_due(rules, timezone.now())).exclude(_spared(rules))


def attached_to(conversations: QuerySet[Conversation]) -> QuerySet[Document]:
    """The files that would go with them."""
    found: QuerySet[Document] = Document.objects.filter(collection__attached_to__in=conversations.values("id"))
    return found


def deletions(rules: LifeRules) -> dict[str, int]:
    """How many conversations go now, by which rule, and how many within a week and a month if nothing happens.

    Two queries; a conversation to which two rules apply is counted by each, and once in the total. `files` are
    those attached to what goes now.
    """
    now = timezone.now()
    terms = _terms(rules, now)
    soon = {days: _due(rules, now + timedelta(days=days)) for days in (0, _WEEK, _MONTH)}
    found: dict[str, int] = (
        _members()
        .filter(unlisted_until=None)
        .exclude(_spared(rules))
        .filter(soon[_MONTH])
        .aggregate(
            now=Count("id", filter=soon[0]),
            within_7_days=Count("id", filter=soon[_WEEK]),
            within_30_days=Count("id"),
            **{name: Count("id", filter=term) for name, term in terms.items()},
        )
    )
    return {**found, "files": attached_to(list_due(rules)).count()}


def _due(rules: LifeRules, at: datetime) -> Q:
    return reduce(or_, _terms(rules, at).values())


def _terms(rules: LifeRules, at: datetime) -> dict[str, Q]:
    never = Q(pk__in=[])

    def before(days: int | None, column: str, **more: Any) -> Q:
        return Q(**{f"{column}__lt": at - timedelta(days=days)}, **more) if days else never

    return {
        "idle": before(rules.delete_idle_days, "updated_at"),
        "query": before(rules.delete_query_days, "updated_at", origin=Origin.QUERY),
        "archived": before(rules.delete_archived_days, "archived_at"),
    }


def _spared(rules: LifeRules) -> Q:
    """What is kept although its time has come."""
    spared = Q(pk__in=[])
    if rules.spares_pinned:
        spared |= Q(pinned_at__isnull=False)
    if rules.spares_shared:
        spared |= Q(is_shared())
    return spared


def is_shared() -> Exists:
    """Whether others may read a conversation: one of its shares is neither revoked nor expired."""
    return Exists(Share.alive().filter(conversation=OuterRef("id")))

"""Who reads which feedback, and how much of the answer that it is about.

Owners read what is about answers that cite their documents: those they uploaded, or that lie in collections they
made. Admins read all of it. Nobody reads more of an answer than its sources are in their sight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from conversations.citing.sources import stored_citations
from conversations.models import Citation, Feedback, FeedbackSeen, Message
from conversations.selectors.memory import as_told, hidden_answers
from documents.models import Document
from documents.selectors import require_collections, require_documents, visible_documents
from tenants.access import Access
from tenants.errors import InvalidInput, NotFound
from tenants.models import Membership
from tenants.permissions import Action


@dataclass(frozen=True, slots=True)
class FeedbackFilter:
    """What narrows a list down; None does not. `author` is for who reads all of it."""

    rating: str | None = None
    collection: UUID | None = None
    document: UUID | None = None
    author: UUID | None = None
    after: datetime | None = None
    before: datetime | None = None
    commented: bool | None = None
    new: bool | None = None
    own: bool | None = None

    @classmethod
    def of(cls, wanted: dict[str, Any]) -> "FeedbackFilter":
        """From the validated fields of a query."""
        return cls(**{name: wanted[name] for name in cls.__slots__ if name in wanted})


def reads_all_feedback(access: Access) -> bool:
    return access.allows(Action.MANAGE_TENANT)


def list_feedback(access: Access, wanted: FeedbackFilter | None = None) -> QuerySet[Feedback]:
    """What this person reads of what everybody thinks of answers, narrowed down to what they see."""
    if not reads_all_feedback(access):
        access.require(Action.READ_DOCUMENTS)
    wanted = wanted or FeedbackFilter()
    _require_known(access, wanted)
    found: QuerySet[Feedback] = Feedback.objects.filter(message__conversation__deleted_at=None)
    if not reads_all_feedback(access) or wanted.own:
        found = found.filter(_citing(own_documents(access)))
    elif access.collections is not None:
        found = found.filter(_citing(visible_documents(access)))
    conditions = {
        "rating": wanted.rating,
        "author_id": wanted.author if reads_all_feedback(access) else None,
        "updated_at__gte": wanted.after,
        "updated_at__lt": wanted.before,
    }
    found = found.filter(**{name: value for name, value in conditions.items() if value is not None})
    if wanted.commented is not None:
        found = found.exclude(comment="") if wanted.commented else found.filter(comment="")
    if wanted.collection is not None:
        found = found.filter(_citing(visible_documents(access).filter(collection=wanted.collection)))
    if wanted.document is not None:
        found = found.filter(_citing(visible_documents(access).filter(id=wanted.document)))
    if wanted.new is not None:
        seen_at = _seen_at(access)
        fresh = ~Q(author_id=access.user_id) & (Q(updated_at__gt=seen_at) if seen_at else Q())
        found = found.filter(fresh) if wanted.new else found.exclude(fresh)
    return found


def _require_known(access: Access, wanted: FeedbackFilter) -> None:
    """`InvalidInput` where it names what is out of this person's sight, or not there."""
    if wanted.collection is not None:
        require_collections(access, [wanted.collection], pointer="/collection")
    if wanted.document is not None:
        require_documents(access, [wanted.document], pointer="/document")
    if wanted.author is not None and not Membership.objects.filter(user=wanted.author).exists():
        raise InvalidInput.at("/author", "There is no such member.", "unknown_id")


def own_documents(access: Access) -> QuerySet[Document]:
    """What this person uploaded, or keeps in collections they made; as far as they see it."""
    is_own = Q(uploaded_by_id=access.user_id) | Q(collection__created_by_id=access.user_id)
    return visible_documents(access).filter(is_own)


def _citing(documents: QuerySet[Document]) -> Exists:
    return Exists(Citation.objects.filter(message=OuterRef("message"), document__in=documents.values("id")))


def count_new_feedback(access: Access) -> int:
    """What others have said since this person looked last, of their own documents."""
    if not access.allows(Action.READ_DOCUMENTS):
        return 0
    return list_feedback(access, FeedbackFilter(new=True)).count()


def access_feedback(access: Access, feedback_id: UUID) -> Feedback:
    found = list_feedback(access).filter(id=feedback_id).first()
    if found is None:
        raise NotFound("There is no such feedback.")
    return found


def _seen_at(access: Access) -> datetime | None:
    seen: datetime | None = (
        FeedbackSeen.objects.filter(user_id=access.user_id).values_list("seen_at", flat=True).first()
    )
    return seen


def feedback_views(access: Access, found: Sequence[Feedback]) -> list[dict[str, Any]]:
    """Feedback as `access` may read it, with question and answer; in its order.

    An answer that rests on anything out of sight is withheld, and so are its citations of that. Who gave the
    feedback is told to who reads all of it.
    """
    answers = Message.objects.select_related("parent").in_bulk([one.message_id for one in found])
    rows = list(Citation.objects.filter(message__in=answers).order_by("marker"))
    cited: dict[UUID, list[dict[str, Any]]] = {}
    for row, item in zip(rows, stored_citations(access, rows), strict=True):
        cited.setdefault(row.message_id, []).append(item)
    conversations = {one.conversation_id for one in answers.values()}
    hidden = {answer for one in conversations for answer in hidden_answers(access, one)}
    people = _people(found) if reads_all_feedback(access) else {}
    seen_at = _seen_at(access)
    return [
        _view(
            one,
            answers[one.message_id],
            cited.get(one.message_id, []),
            is_hidden=one.message_id in hidden,
            author=people.get(one.author_id),
            is_new=one.author_id != access.user_id and (seen_at is None or one.updated_at > seen_at),
        )
        for one in found
    ]


def _view(
    feedback: Feedback,
    answer: Message,
    citations: list[dict[str, Any]],
    *,
    is_hidden: bool,
    author: dict[str, str] | None,
    is_new: bool,
) -> dict[str, Any]:
    shown = [one for one in citations if one["document"] is not None]
    return {
        "id": str(feedback.id),
        "message": str(answer.id),
        "rating": feedback.rating,
        "comment": feedback.comment,
        "author": author,
        "question": answer.parent.content if answer.parent else "",
        # A refusal names collections and documents, which may be out of sight.
        "answer": None if is_hidden else as_told(answer).content,
        "status": answer.status,
        "citations": shown,
        "withheld": len(citations) - len(shown),
        "is_new": is_new,
        "created_at": feedback.created_at.isoformat(),
        "updated_at": feedback.updated_at.isoformat(),
    }


def _people(found: Sequence[Feedback]) -> dict[UUID, dict[str, str]]:
    """Present members by their ids."""
    members = Membership.objects.filter(user__in={one.author_id for one in found})
    rows = members.values_list("user_id", "user__name", "user__email")
    return {person: {"id": str(person), "name": name, "email": email} for person, name, email in rows}

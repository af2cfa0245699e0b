"""Writes: what people think of answers, and what admins make of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Now
from django.utils.formats import number_format
from django.utils.translation import gettext

from conversations.models import MAX_COMMENT, Feedback, FeedbackSeen, Message, Rating, Role, Status
from conversations.selectors.conversations import access_message
from conversations.selectors.feedback import feedback_views
from conversations.services.holding import require_kept
from retrieval.models import Question, QuestionSet
from retrieval.services.question_sets import add_question, withdraw_question
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, TooLarge
from tenants.permissions import Action


def give_feedback(*, access: Access, message_id: UUID, rating: Rating, comment: str = "") -> tuple[Feedback, bool]:
    """Say what one thinks of an answer; again, and it is changed. The feedback, and whether it is the first.

    `InvalidInput` for a question, `Conflict` for an answer that is still being written or not to be kept.
    """
    comment = comment.strip()
    if "\0" in comment:
        raise InvalidInput.at("/comment", "Null characters are not allowed.", "null_characters_not_allowed")
    if len(comment) > MAX_COMMENT:
        raise TooLarge(
            gettext("A comment may have up to {max_comment} characters.").format(
                max_comment=number_format(MAX_COMMENT, force_grouping=True)
            ),
            code="comment_too_long",
        )
    with tenant_atomic(access.tenant_id):
        answer = _access_answer(access, message_id)
        if not answer.is_over:
            raise Conflict("Wait until the answer is there.", code="still_running")
        require_kept(answer.conversation)
        feedback, is_first = Feedback.objects.update_or_create(
            message=answer, author_id=access.user_id, defaults={"rating": rating, "comment": comment}
        )
        record(access, "feedback.given", target_kind="message", target_id=answer.id, rating=rating)
    return feedback, is_first


def withdraw_feedback(*, access: Access, message_id: UUID) -> bool:
    """Take back what one said, from question sets too; False where there is nothing."""
    with tenant_atomic(access.tenant_id):
        answer = _access_answer(access, message_id)
        removed, _ = Feedback.objects.filter(message=answer, author_id=access.user_id).delete()
        withdraw_question(access=access, key=str(answer.id))
        if removed:
            record(access, "feedback.withdrawn", target_kind="message", target_id=answer.id)
    return bool(removed)


def _access_answer(access: Access, message_id: UUID) -> Message:
    message = access_message(access, message_id)
    if message.role != Role.ASSISTANT:
        raise InvalidInput("Feedback is about an answer, not about a question.", code="not_an_answer")
    return message


def mark_feedback_seen(*, access: Access) -> None:
    """What there is now is not new to this person any more."""
    access.require(Action.READ_DOCUMENTS)
    with tenant_atomic(access.tenant_id):
        FeedbackSeen.objects.update_or_create(user_id=access.user_id, defaults={"seen_at": Now()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is right, as far as it is said; None: as the answer has it."""

    answerable: bool | None = None
    document: str | None = None
    pages: Sequence[int] | None = None
    answer: str = ""


def keep_as_question(
    *, access: Access, feedback: Feedback, question_set: QuestionSet | None, expected: Expected
) -> Question:
    """Put the question of a rated answer into a set, the one that collects them without.

    What people liked is right as it is: the pages that it cites, or that nothing answers it. Of what they did not,
    `expected` has to say what is. Again, and it is changed. Raises what `add_question` does.
    """
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        answer = Message.objects.select_related("parent").get(id=feedback.message_id)
        is_answerable, document, pages = _what_is_right(access, feedback, answer, expected)
        question = add_question(
            access=access,
            text=answer.searched_for or (answer.parent.content if answer.parent else ""),
            key=str(answer.id),
            is_answerable=is_answerable,
            document=document,
            pages=pages,
            answer=expected.answer,
            question_set=question_set,
            asked_by=feedback.author_id,
        )
        record(
            access,
            "feedback.kept",
            target_kind="feedback",
            target_id=feedback.id,
            question=str(question.id),
        )
    return question


def _what_is_right(
    access: Access, feedback: Feedback, answer: Message, expected: Expected
) -> tuple[bool, str, Sequence[int]]:
    is_liked = feedback.rating == Rating.UP
    if expected.answerable is False or (
        expected.answerable is None and expected.document is None and is_liked and answer.status == Status.REFUSED
    ):
        return False, "", ()
    if expected.document is not None:
        return True, expected.document, expected.pages or ()
    if not is_liked:
        raise InvalidInput.at(
            "/document", "Say which document is right, or that the documents do not answer it.", "required"
        )
    [view] = feedback_views(access, [feedback])
    if not view["citations"]:
        raise InvalidInput.at("/document", "The answer cites nothing that you see: name the document.", "required")
    # A question has one document that is right: what is cited most, of equals the first.
    document = Counter(one["document"] for one in view["citations"]).most_common(1)[0][0]
    cited = {one["page"] for one in view["citations"] if one["document"] == document}
    return True, document, expected.pages or sorted(cited)


def forget_feedback_of(user_id: UUID, removed: Counter[str]) -> None:
    """Remove what a person thinks of answers. Registered with `on_person_erased`."""
    for model, rows in (
        (Feedback, Feedback.objects.filter(author_id=user_id)),
        (FeedbackSeen, FeedbackSeen.objects.filter(user_id=user_id)),
    ):
        removed[model._meta.db_table] += rows.delete()[0]

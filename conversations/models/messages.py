"""Questions, answers, what the answers were given and what they cite."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

from conversations.models.conversations import Conversation
from documents.models import Document
from tenants.models import TenantKey, TenantModel


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]


class Status(StrEnum):
    PENDING = "pending"
    STREAMING = "streaming"
    FINISHED = "finished"
    STOPPED = "stopped"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]


TERMINAL = frozenset({Status.FINISHED, Status.STOPPED, Status.REFUSED, Status.FAILED, Status.INTERRUPTED})


class Message(TenantModel):
    """A question or an answer; an answer's `parent` is its question, a question's the answer that it follows.

    `request_id` is what the client called its question, or its wish for another answer: the same again gives the
    same message. A question's `asked_of` are the collections and documents that it alone was narrowed to. An
    answer's `searched_for` is its question as passages were looked for, where that is not as it was asked;
    `based_on` are the ids of the earlier answers that were told to the model for it; `continued` says of each time
    that it was gone on with by which request and from which offset.
    """

    conversation = TenantKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(max_length=10, choices=Role.choices())
    parent = TenantKey("self", on_delete=models.CASCADE, null=True, related_name="+")
    content = models.TextField(blank=True)
    status = models.CharField(max_length=12, choices=Status.choices())
    finish_reason = models.CharField(max_length=10, blank=True)
    model = models.CharField(max_length=120, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)
    searched_for = models.TextField(blank=True, default="", db_default="")
    based_on = models.JSONField(default=list, db_default=[])
    asked_of = models.JSONField(default=dict, db_default={})
    continued = models.JSONField(default=list, db_default=[])
    usage = models.JSONField(default=dict)
    timings = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, null=True)  # noqa: DJ001
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        conversation_id: UUID
        parent_id: UUID | None

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "conversation", "request_id"], name="question_once"),
        ]
        indexes = [
            models.Index(fields=["tenant", "conversation", "created_at", "id"], name="message_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL


class PassageOfDocument(TenantModel):
    """A passage as it stood when the answer was given. Its document may go; deleting one blanks the words."""

    message = TenantKey(Message, on_delete=models.CASCADE, related_name="+")
    marker = models.PositiveSmallIntegerField()
    document = TenantKey(Document, on_delete=models.SET_NULL, null=True, related_name="+")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=255)
    title = models.CharField(max_length=255)
    page = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()

    if TYPE_CHECKING:
        message_id: UUID
        document_id: UUID | None

    class Meta(TenantModel.Meta):
        abstract = True


class Source(PassageOfDocument):
    """A passage that the model was given, with the score it was found by."""

    text = models.TextField()
    score = models.FloatField()

    class Meta(PassageOfDocument.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "message", "marker"], name="source_marker")]
        indexes = [models.Index(fields=["tenant", "document"], name="source_by_document")]

    def __str__(self) -> str:
        return f"[{self.marker}] {self.title}"


class Citation(PassageOfDocument):
    """A sentence of a source that stands in the document and supports what the answer says.

    `start` and `end` are the quote's own code points in the version's text.
    """

    quote = models.TextField()

    class Meta(PassageOfDocument.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "message", "marker"], name="citation_marker")]
        indexes = [models.Index(fields=["tenant", "document"], name="citation_by_document")]

    def __str__(self) -> str:
        return f"[{self.marker}] {self.quote[:40]}"

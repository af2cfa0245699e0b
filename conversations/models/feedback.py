"""What people think of answers, and who has looked at it."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models.messages import Message
from tenants.models import TenantKey, TenantModel

MAX_COMMENT = 2_000


class Rating(StrEnum):
    UP = "up"
    DOWN = "down"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(rating.value, rating.value) for rating in cls]


class Feedback(TenantModel):
    """One person's of one answer. Owners of what it cites and admins read it: whoever gives it is told so."""

    message = TenantKey(Message, on_delete=models.CASCADE, related_name="feedback")
    author_id = models.UUIDField()
    rating = models.CharField(_("rating"), max_length=4, choices=Rating.choices())
    comment = models.TextField(_("comment"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        message_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "message", "author_id"], name="feedback_once"),
        ]
        indexes = [models.Index(fields=["tenant", "updated_at", "id"], name="feedback_by_time")]

    def __str__(self) -> str:
        return f"{self.rating} {self.message_id}"


class FeedbackSeen(TenantModel):
    """When somebody last looked at the feedback that they read: what changed since is new to them."""

    user_id = models.UUIDField()
    seen_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "user_id"], name="feedback_seen_once")]

    def __str__(self) -> str:
        return str(self.user_id)

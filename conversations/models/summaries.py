"""What is remembered of a conversation's older turns."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

from conversations.models.conversations import Conversation
from conversations.models.messages import Message
from tenants.models import TenantKey, TenantModel


class Summary(TenantModel):
    """A summary of a branch up to, and with, the message `until`.

    `edited` are its author's words, which stay; `text` is what was written since, by `model`, or by rules where
    that is empty. `based_on` are the ids of the answers, and of the earlier summary, that it was made from. A row
    without words is one that was removed: answers may still rest on it.
    """

    conversation = TenantKey(Conversation, on_delete=models.CASCADE, related_name="summaries")
    until = TenantKey(Message, on_delete=models.CASCADE, related_name="+")
    edited = models.TextField(blank=True)
    text = models.TextField(blank=True)
    model = models.CharField(max_length=120, blank=True)
    based_on = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        conversation_id: UUID
        until_id: UUID

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "conversation", "until"], name="summary_until")]

    def __str__(self) -> str:
        return f"summary {self.id}"

    @property
    def words(self) -> str:
        """All of it, as it is told."""
        return "\n\n".join(part for part in (self.edited, self.text) if part)

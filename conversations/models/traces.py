"""How answers came about."""

from django.db import models

from conversations.models.messages import Message
from tenants.models import TenantKey, TenantModel


class Trace(TenantModel):
    """What was searched for one answer, what was found in which list and place, and how long each stage took.

    No words of documents stand in it; `conversations.tracing` says what does.
    """

    message = TenantKey(Message, on_delete=models.CASCADE, related_name="+")
    about = models.JSONField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "message"], name="trace_of_message")]

    def __str__(self) -> str:
        return f"trace of {self.message_id}"

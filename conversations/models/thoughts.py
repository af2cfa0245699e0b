"""What models wrote for themselves before they answered."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

from conversations.models.messages import Message
from tenants.models import TenantKey, TenantModel

# Characters of one answer that are kept, and shown while they come.
MAX_THOUGHTS = 32_000


class Thoughts(TenantModel):
    """Of one answer, for who asked: no part of what it says. Nothing cites them, no model is told them again.

    They repeat what the model was given, so they go with any document that it was given.
    """

    message = TenantKey(Message, on_delete=models.CASCADE, related_name="+")
    text = models.TextField()

    if TYPE_CHECKING:
        message_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "message"], name="thoughts_of_message")]

    def __str__(self) -> str:
        return f"thoughts of {self.message_id}"

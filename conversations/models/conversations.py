"""Conversations and what they may ask."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.models import Collection, Document
from tenants.models import TenantKey, TenantModel


class Mode(StrEnum):
    GROUNDED = "grounded"
    OPEN = "open"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(mode.value, mode.value) for mode in cls]


class Conversation(TenantModel):
    """A person's own: colleagues do not see it. Without chosen collections it asks all that one may see."""

    author_id = models.UUIDField()
    title = models.CharField(_("title"), max_length=200, blank=True)
    has_manual_title = models.BooleanField(default=False)
    mode = models.CharField(max_length=10, choices=Mode.choices(), default=Mode.GROUNDED)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "author_id", "-updated_at", "-id"], name="conversation_recent"),
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)


class ConversationCollection(TenantModel):
    """A collection that a conversation asks."""

    conversation = TenantKey(Conversation, on_delete=models.CASCADE, related_name="chosen_collections")
    collection = TenantKey(Collection, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "conversation", "collection"], name="conversation_collection_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class ConversationDocument(TenantModel):
    """A document that a conversation asks."""

    conversation = TenantKey(Conversation, on_delete=models.CASCADE, related_name="chosen_documents")
    document = TenantKey(Document, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "conversation", "document"], name="conversation_document_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)

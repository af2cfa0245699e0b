"""How conversations end and where they go then."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models.conversations import Conversation
from tenants.models import TenantKey, TenantModel

QUERY_IDLE_MINUTES, ARCHIVE_AFTER_DAYS = 30, 30


class LifePolicy(TenantModel):
    """One row an organisation; without it the defaults hold. Where nothing is set, that never happens."""

    query_idle_minutes = models.PositiveIntegerField(null=True, default=QUERY_IDLE_MINUTES)
    chat_idle_minutes = models.PositiveIntegerField(null=True)
    archive_after_days = models.PositiveIntegerField(null=True, default=ARCHIVE_AFTER_DAYS)
    delete_idle_days = models.PositiveIntegerField(null=True)
    delete_query_days = models.PositiveIntegerField(null=True)
    delete_archived_days = models.PositiveIntegerField(null=True)
    spares_pinned = models.BooleanField(default=True)
    spares_shared = models.BooleanField(default=True)
    allows_temporary = models.BooleanField(default=True, db_default=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("rules for conversations")
        verbose_name_plural = _("rules for conversations")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="life_policy_once")]

    def __str__(self) -> str:
        return f"rules for conversations {self.id}"


class ArchiveRecord(TenantModel):
    """Where an archived conversation's messages are, and what the file has to be: `bytes` long with this hash."""

    conversation = TenantKey(Conversation, on_delete=models.CASCADE, related_name="+")
    storage_key = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveBigIntegerField()
    messages = models.PositiveIntegerField()
    schema_version = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        conversation_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "conversation"], name="archive_once")]

    def __str__(self) -> str:
        return f"archive of {self.conversation_id}"


class ArchivedName(TenantModel):
    """A document or a person, not its author, that an archive's file names: what goes leaves the file too.

    No key: the row is there until that is done, what it names is not.
    """

    record = TenantKey(ArchiveRecord, on_delete=models.CASCADE, related_name="+")
    subject_id = models.UUIDField()

    if TYPE_CHECKING:
        record_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "subject_id", "record"], name="archived_name_once")
        ]

    def __str__(self) -> str:
        return str(self.subject_id)

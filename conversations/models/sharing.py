"""Conversations that their author lets others of the organisation read."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from conversations.models.conversations import Conversation
from conversations.models.messages import Message
from tenants.models import Group, Membership, TenantKey, TenantModel


class Share(TenantModel):
    """A branch of a conversation as it stood when it was shared, up to `leaf`; a living one follows what is said.

    Its readers are whom `ShareReader` names and, where it is by link, everybody of the organisation who has its
    address. Whoever reads sees no more of the documents than without it: see `conversations.selectors.shares`.
    """

    conversation = TenantKey(Conversation, on_delete=models.CASCADE, related_name="+")
    created_by_id = models.UUIDField()
    leaf = TenantKey(Message, on_delete=models.CASCADE, related_name="+")
    is_living = models.BooleanField(default=False)
    is_by_link = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    if TYPE_CHECKING:
        conversation_id: UUID
        leaf_id: UUID

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "created_by_id", "created_at", "id"], name="share_of_person")]

    def __str__(self) -> str:
        return str(self.id)

    @classmethod
    def alive(cls) -> "QuerySet[Share]":
        """Those that are neither revoked nor expired, of conversations that are not deleted."""
        found: QuerySet[Share] = cls.objects.filter(
            Q(expires_at=None) | Q(expires_at__gt=timezone.now()),
            revoked_at=None,
            conversation__deleted_at=None,
        )
        return found


class ShareReader(TenantModel):
    """Somebody who may read a share: a member or a group, exactly one.

    `is_by_link`: nobody named them, they have opened its link; it is among theirs from then on.
    """

    share = TenantKey(Share, on_delete=models.CASCADE, related_name="readers")
    membership = TenantKey(Membership, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    group = TenantKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    is_by_link = models.BooleanField(default=False)

    if TYPE_CHECKING:
        share_id: UUID
        group_id: UUID | None
        membership_id: UUID | None

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "share", "membership", "group"], nulls_distinct=False, name="share_reader_once"
            ),
            models.CheckConstraint(
                condition=models.Q(membership__isnull=False, group__isnull=True)
                | models.Q(membership__isnull=True, group__isnull=False),
                name="share_reader_is_one",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

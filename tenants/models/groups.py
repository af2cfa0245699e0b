"""Groups: people of one organisation under a name, so that access is given to many at once."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantKey, TenantModel
from tenants.models.organisations import Membership


class Group(TenantModel):
    name = models.CharField(_("name"), max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="group_name")]

    def __str__(self) -> str:
        return self.name


class GroupMember(TenantModel):
    """A member in a group; leaving the organisation leaves its groups."""

    group = TenantKey(Group, on_delete=models.CASCADE, related_name="members")
    membership = TenantKey(Membership, on_delete=models.CASCADE, related_name="groups")

    if TYPE_CHECKING:
        group_id: UUID
        membership_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "group", "membership"], name="group_member_once")]

    def __str__(self) -> str:
        return str(self.id)

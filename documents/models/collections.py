"""Collections: where an organisation puts its documents."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import Group, Membership, TenantKey, TenantModel
from tenants.permissions import Role


class Collection(TenantModel):
    """`slug` stays when the name changes. `created_by_id` may change and delete it, admins any.

    With `attached_to` it holds the files of one conversation: of which is for the apps above to know. It is in
    nobody's lists and searches, and only `created_by_id` reads in it.
    """

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(max_length=60)
    is_default = models.BooleanField(default=False)
    # Only whom a `CollectionGrant` names, its creator and admins see it; otherwise the whole organisation.
    is_restricted = models.BooleanField(_("restricted"), default=False)
    # How its documents are cut, in characters, where an upload does not say; null: as Docent does by default.
    chunk_size = models.PositiveIntegerField(_("chunk size"), null=True, blank=True)
    chunk_overlap = models.PositiveIntegerField(_("chunk overlap"), null=True, blank=True)
    attached_to = models.UUIDField(null=True, editable=False)
    created_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="collection_slug"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="collection_default_once"
            ),
            models.UniqueConstraint(fields=["tenant", "attached_to"], name="collection_attached_once"),
        ]

    def __str__(self) -> str:
        return self.name


class CollectionGrant(TenantModel):
    """Somebody who sees a restricted collection: a member, a group or everyone with a role; exactly one."""

    collection = TenantKey(Collection, on_delete=models.CASCADE, related_name="grants")
    membership = TenantKey(Membership, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    group = TenantKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices(), null=True, blank=True)  # noqa: DJ001

    if TYPE_CHECKING:
        collection_id: UUID
        group_id: UUID | None

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "collection", "membership", "group", "role"],
                nulls_distinct=False,
                name="grant_once",
            ),
            models.CheckConstraint(
                condition=models.Q(membership__isnull=False, group__isnull=True, role__isnull=True)
                | models.Q(membership__isnull=True, group__isnull=False, role__isnull=True)
                | models.Q(membership__isnull=True, group__isnull=True, role__isnull=False),
                name="grant_names_one",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

"""Collections: where an organisation puts its documents."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import TenantModel


class Collection(TenantModel):
    """`slug` stays when the name changes. `created_by_id` may change and delete it, admins any."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(max_length=60)
    is_default = models.BooleanField(default=False)
    created_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="collection_slug"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="collection_default_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

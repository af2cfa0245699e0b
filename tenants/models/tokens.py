"""API tokens: only the hash of the secret is stored."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel
from tenants.models.people import User


class ApiToken(TenantModel):
    user = models.ForeignKey(User, on_delete=models.DO_NOTHING, related_name="+")
    name = models.CharField(max_length=120)
    secret_sha256 = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=40))
    # Ids of the only collections that the token reaches; None for all that its person sees.
    collections = ArrayField(models.UUIDField(), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    if TYPE_CHECKING:
        user_id: UUID

    class Meta(TenantModel.Meta):
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return self.name

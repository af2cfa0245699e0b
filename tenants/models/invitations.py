"""Invitations: only the hash of the link's secret is stored."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel
from tenants.permissions import Role


class Invitation(TenantModel):
    """A place in the organisation kept for an e-mail address: good once, until it expires or is withdrawn."""

    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices())
    secret_sha256 = models.BinaryField(max_length=32)
    invited_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by_id = models.UUIDField(null=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once",
            )
        ]

    def __str__(self) -> str:
        return self.email

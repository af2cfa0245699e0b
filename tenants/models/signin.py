"""Single sign-on: an organisation's own OpenID Connect provider."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel
from tenants.permissions import Role


class SignInProvider(TenantModel):
    """Where members may log in. The client's secret is sealed by `tenants.vault` and never shown again.

    A person whose verified e-mail lies in `domains` becomes a member with `role` when they first log in.
    """

    name = models.CharField(_("name"), max_length=80)
    issuer = models.URLField(_("issuer"))
    client_id = models.CharField(_("client id"), max_length=200)
    sealed_secret = models.BinaryField()
    domains = ArrayField(models.CharField(max_length=253), help_text=_("E-mail domains that may log in."))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices(), default=Role.VIEWER)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("sign-in provider")
        verbose_name_plural = _("sign-in providers")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="one_sign_in_provider")]

    def __str__(self) -> str:
        return self.name

"""Which personal data an organisation keeps from search and models."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import TenantModel


class MaskingPolicy(TenantModel):
    """One row an organisation; without it nothing is masked.

    `patterns` is a list of `{"name": …, "pattern": …}`, regular expressions of the organisation's own.
    """

    emails = models.BooleanField(_("e-mail addresses"), default=False)
    phones = models.BooleanField(_("telephone numbers"), default=False)
    cards = models.BooleanField(_("card numbers"), default=False)
    ibans = models.BooleanField(_("IBANs"), default=False)
    patterns = models.JSONField(_("patterns of your own"), default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("masking policy")
        verbose_name_plural = _("masking policies")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="masking_policy_once")]

    def __str__(self) -> str:
        return f"masking policy {self.id}"

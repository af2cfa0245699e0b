"""What an organisation shows in the place of Docent's mark."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel


class Logo(TenantModel):
    """At most one each. `image` is a WebP that Docent encoded itself, never the bytes that somebody sent."""

    image = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()

    class Meta(TenantModel.Meta):
        verbose_name = _("logo")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="logo_once")]

    def __str__(self) -> str:
        return self.sha256

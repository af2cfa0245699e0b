"""How an organisation uses the model servers that the operator offers."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel


class ModelAccess(TenantModel):
    """An organisation's word about one server of the operator's list; no row means as the operator has it.

    `server` is a name, never an address. A key of the organisation's own is sealed by `tenants.vault`.
    `allowed_models` None means all that the server has. At most one row names a default model, as the server
    calls it: that is the organisation's.
    """

    server = models.CharField(_("server"), max_length=40)
    sealed_secret = models.BinaryField(default=b"")
    is_enabled = models.BooleanField(_("enabled"), default=True)
    default_model = models.CharField(_("default model"), max_length=120, blank=True, default="")
    allowed_models = ArrayField(models.CharField(max_length=120), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("use of a model server")
        verbose_name_plural = _("use of model servers")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "server"], name="model_access_once"),
            models.UniqueConstraint(
                fields=["tenant"], condition=~models.Q(default_model=""), name="one_default_model"
            ),
        ]

    def __str__(self) -> str:
        return self.server

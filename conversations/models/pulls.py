"""Models that are being fetched from where model servers get them."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import TenantModel


class PullStatus(StrEnum):
    PULLING = "pulling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(status.value, status.value) for status in cls]


class ModelPull(TenantModel):
    """One fetching of a model, by the process that was asked; `updated_at` says that it lives.

    `number` counts the states that readers are told of. Bytes are those of all the files known of so far.
    """

    server = models.CharField(_("server"), max_length=40)
    model = models.CharField(_("model"), max_length=120)
    status = models.CharField(max_length=10, choices=PullStatus.choices(), default=PullStatus.PULLING)
    stage = models.CharField(max_length=20, blank=True, default="")
    completed = models.PositiveBigIntegerField(null=True)
    total = models.PositiveBigIntegerField(null=True)
    number = models.PositiveIntegerField(default=1)
    is_cancel_requested = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True, default="")
    error_detail = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "server", "model"],
                condition=models.Q(status=PullStatus.PULLING),
                name="pulled_once_at_a_time",
            )
        ]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="pull_recent")]

    def __str__(self) -> str:
        return self.model

    @property
    def is_over(self) -> bool:
        return self.status != PullStatus.PULLING

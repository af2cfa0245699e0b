"""What an organisation allows itself and its people, and what was used."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel


class QuotaKind(StrEnum):
    """What is limited. Days and months are UTC's."""

    TOKENS_DAY = "tokens_day"
    TOKENS_MONTH = "tokens_month"
    QUESTIONS_DAY = "questions_day"
    DOCUMENTS = "documents"
    BYTES = "bytes"
    REPLIES = "replies"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(kind.value, kind.value) for kind in cls]


class QuotaFor(StrEnum):
    """Whose use is counted: everybody's together, each person's, or one named person's."""

    TENANT = "tenant"
    EACH = "each"
    PERSON = "person"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(scope.value, scope.value) for scope in cls]


class Quota(TenantModel):
    """A limit; no row means none. A person's own row takes the place of the one for each person."""

    kind = models.CharField(_("kind"), max_length=20, choices=QuotaKind.choices())
    applies_to = models.CharField(_("applies to"), max_length=10, choices=QuotaFor.choices())
    user_id = models.UUIDField(null=True, blank=True)
    amount = models.PositiveBigIntegerField(_("amount"))

    class Meta(TenantModel.Meta):
        verbose_name = _("limit")
        verbose_name_plural = _("limits")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "applies_to", "user_id"], nulls_distinct=False, name="quota_once"
            ),
            models.CheckConstraint(
                condition=models.Q(applies_to=QuotaFor.PERSON, user_id__isnull=False)
                | (~models.Q(applies_to=QuotaFor.PERSON) & models.Q(user_id__isnull=True)),
                name="quota_names_a_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"


class UsageDay(TenantModel):
    """What one person used on one day (UTC) with one token, or none, and one model.

    The cost is at the prices of the moment, in millionths of the currency; without a price it has no currency.
    """

    day = models.DateField()
    user_id = models.UUIDField()
    token_id = models.UUIDField(null=True)
    model = models.CharField(max_length=120)
    questions = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    cost_micros = models.PositiveBigIntegerField(default=0, db_default=0)
    currency = models.CharField(max_length=3, blank=True, default="", db_default="")

    class Meta(TenantModel.Meta):
        verbose_name = _("day of usage")
        verbose_name_plural = _("usage by day")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "day", "user_id", "token_id", "model", "currency"],
                nulls_distinct=False,
                name="usage_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.user_id}"

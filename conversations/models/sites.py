"""Other people's web sites on which an organisation's documents may be asked."""

from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

from conversations.models.personas import Persona
from documents.models import Collection
from tenants.models import TenantKey, TenantModel

KEY_LENGTH = 12


def new_key() -> str:
    return get_random_string(KEY_LENGTH)


class Visitors(StrEnum):
    """Who may ask: everybody who sees the page, or only whom the site's own server vouches for."""

    ANONYMOUS = "anonymous"
    SIGNED = "signed"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]


class Site(TenantModel):
    """A web site that shows the widget. It sees exactly its `SiteCollection`s, whoever made it.

    `key` is the part of its public key that can be made anew. What was signed in another `epoch` is void. The
    secret by which its server vouches for visitors is sealed by `tenants.vault` and never shown again.
    """

    name = models.CharField(_("name"), max_length=80)
    key = models.CharField(max_length=KEY_LENGTH, default=new_key)
    epoch = models.PositiveIntegerField(default=0)
    origins = ArrayField(
        models.CharField(max_length=255),
        verbose_name=_("allowed origins"),
        help_text=_("Whose pages may show it, like https://www.example.org; all others show nothing."),
    )
    persona = TenantKey(
        Persona,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("assistant"),
    )
    greeting = models.CharField(_("greeting"), max_length=500, blank=True)
    sample_questions = models.JSONField(_("sample questions"), default=list, blank=True)
    accent = models.CharField(_("accent colour"), max_length=7, default="#0b5c5f")
    visitors = models.CharField(
        _("visitors"), max_length=10, choices=Visitors.choices(), default=Visitors.ANONYMOUS
    )
    sealed_secret = models.BinaryField(default=b"")
    visitor_hour = models.PositiveIntegerField(_("questions a visitor and hour"), default=20)
    address_hour = models.PositiveIntegerField(_("questions an address and hour"), default=60)
    site_day = models.PositiveIntegerField(_("questions a day"), default=500)
    retention_days = models.PositiveIntegerField(_("days that conversations are kept"), default=30)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        persona_id: UUID | None

    class Meta(TenantModel.Meta):
        verbose_name = _("web site")
        verbose_name_plural = _("web sites")

    def __str__(self) -> str:
        return self.name


class SiteCollection(TenantModel):
    """A collection that a site's visitors ask."""

    site = TenantKey(Site, on_delete=models.CASCADE, related_name="chosen_collections")
    collection = TenantKey(Collection, on_delete=models.CASCADE, related_name="+")

    if TYPE_CHECKING:
        site_id: UUID
        collection_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "site", "collection"], name="site_collection_once")
        ]

    def __str__(self) -> str:
        return str(self.id)

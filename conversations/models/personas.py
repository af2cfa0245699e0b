"""Assistants that an organisation offers: how one answers, what it searches, and what it suggests to ask."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models.conversations import Mode
from documents.models import Collection
from tenants.models import TenantKey, TenantModel


class Persona(TenantModel):
    """`slug` stays when the name changes. `created_by_id` may change and archive it, admins any.

    `default_key` names the entry of `personas.yaml` that it came from; nobody made those. An archived one is
    offered to no new conversation, and those that have it go on without its voice.
    """

    slug = models.SlugField(max_length=60)
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(_("description"), max_length=300, blank=True)
    instructions = models.TextField(_("instructions"), blank=True)
    mode = models.CharField(_("mode"), max_length=10, choices=Mode.choices(), default=Mode.GROUNDED)
    temperature = models.FloatField(_("temperature"), null=True, blank=True)
    max_tokens = models.PositiveIntegerField(_("tokens of an answer"), null=True, blank=True)
    model = models.CharField(_("model"), max_length=120, blank=True)
    sample_questions = models.JSONField(_("sample questions"), default=list, blank=True)
    is_default = models.BooleanField(_("chosen where a chat begins"), default=False)
    default_key = models.CharField(max_length=60, blank=True)
    created_by_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("assistant")
        verbose_name_plural = _("assistants")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="persona_slug"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="persona_default_once"
            ),
            models.UniqueConstraint(
                fields=["tenant", "default_key"], condition=~models.Q(default_key=""), name="persona_of_file_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PersonaCollection(TenantModel):
    """A collection that conversations with a persona ask, where they name nothing themselves."""

    persona = TenantKey(Persona, on_delete=models.CASCADE, related_name="chosen_collections")
    collection = TenantKey(Collection, on_delete=models.CASCADE, related_name="+")

    if TYPE_CHECKING:
        collection_id: UUID

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "persona", "collection"], name="persona_collection_once")
        ]

    def __str__(self) -> str:
        return str(self.id)

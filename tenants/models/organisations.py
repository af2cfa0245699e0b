"""Organisations and who belongs to them."""

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.context import NoActiveTenant, find_person_id
from tenants.models.base import TenantModel
from tenants.models.people import User
from tenants.permissions import Role


class Tenant(models.Model):
    """An organisation. Global: its slug is what the URL names before any context exists."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    is_active = models.BooleanField(default=True)
    rate_limit = models.PositiveIntegerField(
        default=5, help_text=_("API calls and questions a second and person, and the size of the bucket.")
    )
    sample_questions = ArrayField(
        models.CharField(max_length=200), default=list, blank=True, help_text=_("Shown where a chat begins.")
    )
    admins_read_conversations = models.BooleanField(
        default=False, help_text=_("Admins may read what members asked and were answered; each look is recorded.")
    )
    members_may_share = models.BooleanField(
        default=True,
        db_default=True,
        help_text=_("Members may let others of the organisation read their conversations; off, no share opens."),
    )
    # Its own colour as it was chosen, like #0b6160; the pages show what can be read of it. Empty: Docent's.
    accent = models.CharField(max_length=7, blank=True, default="", db_default="")
    # Which `Logo` it has; empty for none.
    logo_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    shows_brand_at_log_in = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "Whoever follows a link into the organisation sees its name, logo and colour before logging in."
        ),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")

    def __str__(self) -> str:
        return self.name


class Membership(TenantModel):
    """A person's role in a tenant."""

    row_person_column = "user_id"

    user = models.ForeignKey(User, on_delete=models.DO_NOTHING, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices())
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        user_id: UUID

    class Meta(TenantModel.Meta):
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return self.user.email

    @classmethod
    def of_person(cls) -> models.QuerySet["Membership"]:
        """The rows of the person whose `person_atomic()` is open; raises `NoActiveTenant` outside one."""
        person_id = find_person_id()
        if person_id is None:
            raise NoActiveTenant("A person's memberships are read only inside person_atomic().")
        return models.QuerySet(cls).filter(user_id=person_id)

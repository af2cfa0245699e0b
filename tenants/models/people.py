"""People. Global: one person may belong to many organisations."""

from enum import StrEnum
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils.translation import gettext_lazy as _


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]


class Announcing(StrEnum):
    """How an answer is read to those who listen: when it is complete, or each sentence as it comes."""

    WHOLE = "whole"
    SENTENCES = "sentences"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in cls]


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a person; without a password they set one by the reset link."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    # How the portal is to be for them, in every organisation. Empty: as their browser says.
    theme = models.CharField(
        _("theme"),
        max_length=10,
        choices=Theme.choices(),
        default=Theme.SYSTEM.value,
        db_default=Theme.SYSTEM.value,
    )
    language = models.CharField(_("language"), max_length=20, blank=True, default="", db_default="")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="", db_default="")
    announcing = models.CharField(
        max_length=10,
        choices=Announcing.choices(),
        default=Announcing.WHOLE.value,
        db_default=Announcing.WHOLE.value,
    )
    # Of an answer that is being written, whole paragraphs appear and not each word.
    reduces_streaming = models.BooleanField(default=False, db_default=False)
    uses_shortcuts = models.BooleanField(default=True, db_default=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")

    def __str__(self) -> str:
        return self.email

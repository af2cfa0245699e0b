"""Writes: how a person has the portal, in every organisation."""

from django.conf import settings

from tenants.errors import InvalidInput
from tenants.models import Announcing, Theme, User
from tenants.presentation.time_zones import time_zones

_MAX_NAME = 150


def change_own_settings(
    *,
    user: User,
    name: str,
    theme: str,
    language: str,
    time_zone: str,
    announcing: str,
    reduces_streaming: bool,
    uses_shortcuts: bool,
) -> User:
    """Change all of a person's own settings. An empty language or time zone is the browser's.

    Raises `InvalidInput`.
    """
    name = " ".join(name.split())
    if len(name) > _MAX_NAME:
        raise InvalidInput.at("/name", f"A name has at most {_MAX_NAME} characters.", "max_length")
    if language and language not in dict(settings.LANGUAGES):
        raise InvalidInput.at("/language", "Docent does not speak this language.", "invalid_choice")
    if time_zone and time_zone not in time_zones():
        raise InvalidInput.at("/time_zone", "There is no such time zone.", "invalid_choice")
    if announcing not in set(Announcing):
        raise InvalidInput.at("/announcing", "Answers are read whole or by sentences.", "invalid_choice")
    user.name, user.theme, user.language, user.time_zone = name, _theme(theme), language, time_zone
    user.announcing, user.reduces_streaming, user.uses_shortcuts = announcing, reduces_streaming, uses_shortcuts
    user.save(
        update_fields=[
            "name",
            "theme",
            "language",
            "time_zone",
            "announcing",
            "reduces_streaming",
            "uses_shortcuts",
        ]
    )
    return user


def choose_theme(*, user: User, theme: str) -> None:
    """Light, dark or the system's, from the menu. Raises `InvalidInput`."""
    user.theme = _theme(theme)
    user.save(update_fields=["theme"])


def _theme(wanted: str) -> Theme:
    if wanted not in set(Theme):
        raise InvalidInput.at("/theme", "A theme is light, dark or the system’s.", "invalid_choice")
    return Theme(wanted)

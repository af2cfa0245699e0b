"""Checks that refuse to start with a file of assistants that cannot be used."""

from typing import Any

from django.core.checks import Error, register

from conversations.default_personas import PATH, PersonaFileFault, read_personas


@register
def check_personas(app_configs: Any, **_kwargs: Any) -> list[Error]:
    """`personas.yaml` names line and field of its first mistake."""
    return personas_errors(PATH.read_text(encoding="utf-8"))


def personas_errors(text: str) -> list[Error]:
    try:
        read_personas(text, PATH.name)
    except PersonaFileFault as fault:
        return [Error(str(fault), id="conversations.E001")]
    return []

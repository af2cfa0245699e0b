"""System checks of the operator's settings for models."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from conversations.chat_models.servers import LONGEST_NAME, list_servers
from providers.hosts import parse_host
from providers.servers import parse_servers


@register()
def check_model_servers(app_configs: Any, **_kwargs: Any) -> list[Error]:
    """Each setting can be read, and names models by what they are called here."""
    return [Error(fault, id="conversations.E201") for fault in _faults()]


def _faults() -> Iterator[str]:
    try:
        parse_host(settings.OLLAMA_HOST)
    except ValueError:
        yield "OLLAMA_HOST is not an address like http://127.0.0.1:11434."
    try:
        list_servers()
    except ValueError as error:
        yield f"DOCENT_MODEL_SERVERS cannot be used: {error}."
        return
    for setting in ("DOCENT_CHAT_MODEL", "DOCENT_FALLBACK_MODEL"):
        if len(getattr(settings, setting)) > LONGEST_NAME:
            yield f"{setting} is no model's name."
    keys = {one.key_name for one in parse_servers(settings.DOCENT_MODEL_SERVERS)}
    for name in sorted(set(settings.DOCENT_MODEL_KEYS) - keys):
        yield f"DOCENT_MODEL_KEY_{name} is the key of no server in DOCENT_MODEL_SERVERS."

"""``up`` in Django's ``help``; ``manage.py up`` goes straight to ``config.up``, without Django."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config import up


class Command(BaseCommand):
    """Start Docent and everything it needs."""

    help = "Starts Docent and everything it needs, and stops it all on Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        up.add_arguments(parser)

    def handle(self, *, host: str, port: int, workers: int, demo: bool, **options: Any) -> None:
        chosen = up.Options(host=host, port=port, workers=workers, demo=demo)
        sys.exit(up.run(chosen, settings.DOCENT_DATA))

"""``serve`` in Django's ``help``; ``manage.py serve`` goes straight to ``config.serve``, without Django."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config import serve


class Command(BaseCommand):
    """One process of Docent, which this one becomes."""

    help = "Runs one process of Docent in the foreground: web, worker, embedder, platform or admin."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        serve.add_arguments(parser)

    def handle(self, *, part: str, host: str, port: int, processes: int, **options: Any) -> None:
        sys.exit(serve.run(part, host, port, processes, settings.DOCENT_DATA))

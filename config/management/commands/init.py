"""``init`` in Django's ``help``; ``manage.py init`` goes straight to ``config.init``, without Django."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config import init


class Command(BaseCommand):
    """Make Docent's roles, database and schema on a server of your own."""

    help = "Makes roles, database, extension and schema on your own PostgreSQL (16 or newer, pgvector 0.8)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        init.add_arguments(parser)

    def handle(self, *, admin_url: str, database: str, **options: Any) -> None:
        sys.exit(init.run(admin_url, database, settings.DOCENT_DATA))

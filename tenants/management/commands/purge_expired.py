"""`manage.py purge_expired`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tenants.services.purging import purge_everything


class Command(BaseCommand):
    help = "Remove what has had its time: exports, invitations, kept answers, revocations, conversations."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count them and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        for words, count in purge_everything(dry_run=options["dry_run"]):
            self.stdout.write(f"{count:8} {words}")

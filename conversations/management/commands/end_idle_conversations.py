"""`manage.py end_idle_conversations`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from conversations.services.ending import end_idle


class Command(BaseCommand):
    help = "End conversations in which nothing has happened for as long as their organisation allows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count them and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        found = end_idle(dry_run=options["dry_run"])
        for slug, count in found.items():
            self.stdout.write(f"{count:8} {slug}")
        words = "would be ended" if options["dry_run"] else "ended"
        self.stdout.write(f"{sum(found.values()):8} conversations {words}")

"""`manage.py restore_archive FILE --tenant S [--user EMAIL]`."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from conversations.services.importing import import_archive
from tenants.access import access_of_cli
from tenants.errors import DocentError


class Command(BaseCommand):
    help = "Begin a conversation with what an archive's file says; it belongs to the person named."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--user", metavar="EMAIL", help="the tenant's first owner by default")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = json.loads(options["file"].read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['file']} cannot be read as JSON: {error}") from error
        try:
            access = access_of_cli(options["tenant"], options["user"])
            conversation = import_archive(access=access, content=content)
        except DocentError as error:
            places = "".join(f"\n{one.pointer}: {one.detail}" for one in error.errors)
            raise CommandError(f"{error.detail}{places}") from error
        total = len(content["messages"])
        self.stdout.write(f"{total} messages are in conversation {conversation.id} of {access.email}.")

"""`manage.py create_token --tenant S --user EMAIL --name N [--scope …]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.access import access_of_cli
from tenants.errors import DocentError
from tenants.permissions import Scope
from tenants.services.tokens import create_token


class Command(BaseCommand):
    help = "Create an API token and print it, once. Without --scope: all that the role has but admin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--user", required=True, metavar="EMAIL")
        parser.add_argument("--name", required=True)
        parser.add_argument("--scope", action="append", choices=[scope.value for scope in Scope])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            access = access_of_cli(options["tenant"], options["user"])
            scopes = frozenset(map(Scope, options["scope"])) if options["scope"] else None
            created = create_token(access=access, name=options["name"], scopes=scopes)
        except DocentError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(created.value)

"""`manage.py erase_person EMAIL [--tenant S] --yes-erase EMAIL`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.access import access_of_cli
from tenants.erasure import tombstones
from tenants.errors import DocentError
from tenants.models import User
from tenants.services.erasure import erase_person, erase_person_everywhere


class Command(BaseCommand):
    help = (
        "Erase a person's account and traces, or with --tenant what one organisation keeps about them. "
        "The platform process then looks for what is left and completes the certificate."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--tenant", metavar="SLUG", help="in this organisation only; the account stays")
        parser.add_argument("--yes-erase", metavar="EMAIL", help="the address once more: nothing brings it back")

    def handle(self, *args: Any, **options: Any) -> None:
        email, slug = options["email"], options["tenant"]
        if options["yes_erase"] != email:
            raise CommandError(f"Nothing was erased. To erase {email} for good, add: --yes-erase {email}")
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            raise CommandError(f"There is no account with the address {email}.")
        try:
            if slug:
                order = erase_person(access=access_of_cli(slug), user_id=user.pk)
            else:
                order = erase_person_everywhere(user)
        except DocentError as error:
            raise CommandError(error.detail) from error
        for name, count in sorted(order.removed.items()):
            self.stdout.write(f"{count:8} {name}")
        self.stdout.write(f"Certificate, within a minute: {tombstones.path_of(order)}")

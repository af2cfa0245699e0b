"""`manage.py create_platform_admin EMAIL`."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from tenants.addresses.links import absolute, global_url
from tenants.services.accounts import password_link, promote_to_platform_admin


class Command(BaseCommand):
    help = "Make a person an administrator of the installation; whoever is missing is made first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(f"“{options['email']}” is not an e-mail address.") from error
        user, needs_password = promote_to_platform_admin(email=options["email"])
        self.stdout.write(f"Platform administrator: {user.email}")
        if needs_password:
            self.stdout.write(f"Set the password here, within an hour: {absolute(password_link(user))}")
        self.stdout.write(f"A second factor is needed: {absolute(global_url('mfa_index'))}")

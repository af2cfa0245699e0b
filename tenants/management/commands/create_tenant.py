"""`manage.py create_tenant NAME --slug S --owner EMAIL [--rate N]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from tenants.access import Carrier
from tenants.addresses.links import absolute
from tenants.errors import DocentError
from tenants.models import User
from tenants.services.accounts import password_link
from tenants.services.organisations import create_tenant


class Command(BaseCommand):
    help = "Create an organisation. A missing owner is made too, and gets a link to set a password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--slug", required=True)
        parser.add_argument("--owner", required=True, metavar="EMAIL")
        parser.add_argument("--rate", type=int, default=5, help="API calls and questions a second and person")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["owner"].lower()
        try:
            with transaction.atomic():
                owner = User.objects.filter(email=email).first()
                is_new = owner is None
                owner = owner or User.objects.create_user(email)
                tenant = create_tenant(
                    name=options["name"],
                    slug=options["slug"],
                    owner=owner,
                    rate_limit=options["rate"],
                    carrier=Carrier.CLI,
                )
        except DocentError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"Organisation {tenant.name}: {absolute(f'/o/{tenant.slug}/')}")
        self.stdout.write(f"Owner: {owner.email}")
        if is_new:
            self.stdout.write(f"Set the owner's password here: {absolute(password_link(owner))}")

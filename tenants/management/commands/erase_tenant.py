"""`manage.py erase_tenant SLUG --yes-erase SLUG`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.erasure import tombstones
from tenants.models import Tenant
from tenants.services.erasure import erase_tenant


class Command(BaseCommand):
    help = (
        "Erase an organisation for good: rows, files, keys, queued work and audit log. Then look for what is left "
        "and write a certificate. Run it again if it was interrupted. Exit 1 while anything is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--yes-erase", metavar="SLUG", help="the slug once more: nothing brings it back")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["slug"]
        if options["yes_erase"] != slug:
            raise CommandError(f"Nothing was erased. To erase “{slug}” for good, add: --yes-erase {slug}")
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant with the slug “{slug}”.")
        done = erase_tenant(tenant.id)
        for name, count in sorted(done.removed.items()):
            self.stdout.write(f"{count:8} {name}")
        self.stdout.write(f"Certificate: {tombstones.path_of(done)}")
        if done.residue:
            raise CommandError(f"Left: {'; '.join(done.residue)}. The platform process goes on every half minute.")
        self.stdout.write(f"Nothing is left of {tenant.name} ({tenant.id}).")

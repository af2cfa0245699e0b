"""`manage.py enable_tenant SLUG`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.models import Tenant
from tenants.services.organisations import enable_tenant


class Command(BaseCommand):
    help = "Enable an organisation that was disabled."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant with the slug “{options['slug']}”.")
        was = "" if enable_tenant(tenant=tenant) else " already"
        self.stdout.write(f"Organisation {tenant.name}:{was} enabled.")

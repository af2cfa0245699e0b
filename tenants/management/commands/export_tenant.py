"""`manage.py export_tenant SLUG [--output FILE]`."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants.access import access_of_cli
from tenants.errors import DocentError
from tenants.services.exports import write_tenant_export


class Command(BaseCommand):
    help = "Write an organisation's data, rows and files, to a zip file that only this user reads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--output", metavar="FILE", type=Path, help="docent-SLUG-DATE.zip in this folder")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["output"] or Path(f"docent-{options['slug']}-{timezone.now():%Y-%m-%d}.zip")
        try:
            access = access_of_cli(options["slug"])
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
                try:
                    archive = write_tenant_export(access=access, target=target, step=lambda _progress: None)
                except BaseException:
                    path.unlink()  # half an export unpacks as well as a whole one
                    raise
        except DocentError as error:
            raise CommandError(error.detail) from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        for name, count in archive.rows.items():
            self.stdout.write(f"{count:8} {name}")
        self.stdout.write(f"{sum(archive.rows.values())} rows and {archive.files} files in {path}")

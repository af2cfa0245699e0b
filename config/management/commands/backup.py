"""`manage.py backup FOLDER|FILE [--tenant S]`."""

import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.backups.encryption import own_identity, recipients_of
from config.backups.errors import BackupError
from config.backups.writing import write_backup
from tenants.models import Tenant


class Command(BaseCommand):
    help = (
        "Write rows and files, as one moment had them, to one encrypted file. The installation's secrets and the "
        "key that reads backups are not in it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path, help="a folder, or the file itself, which must not be there")
        parser.add_argument("--tenant", metavar="SLUG", help="this organisation only")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        slug, path = options["tenant"], options["target"]
        if path.is_dir():
            path /= f"docent{f'-{slug}' if slug else ''}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.age"
        tenant = Tenant.objects.filter(slug=slug).first() if slug else None
        if slug and tenant is None:
            raise CommandError(f"There is no tenant with the slug “{slug}”.")
        try:
            recipients = recipients_of(settings.DOCENT_BACKUP_RECIPIENT)
            if not recipients:
                recipients = [own_identity(settings.DOCENT_BACKUP_IDENTITY).to_public()]
            manifest = write_backup(path, recipients, tenant=tenant.id if tenant else None, say=self.stdout.write)
        except BackupError as error:
            raise CommandError(str(error)) from error
        for key in manifest.missing:
            self.stderr.write(f"Not in it, for the storage has lost or altered it: {key}")
        self.stdout.write(
            f"{manifest.rows} rows and {len(manifest.files)} files in {path}: {path.stat().st_size} bytes, "
            f"{time.monotonic() - began:.1f} s"
        )
        if not settings.DOCENT_BACKUP_RECIPIENT:
            self.stdout.write(
                f"Only the key in {settings.DOCENT_BACKUP_IDENTITY} reads it: keep a copy elsewhere."
            )
        folder = settings.DOCENT_DATA / "secrets"
        self.stdout.write(f"Not in it: {folder}. Without vault_key and audit_key there sealed secrets stay shut.")

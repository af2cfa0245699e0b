"""`manage.py rehearse_restore FILE`."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.backups.archive import Backup
from config.backups.encryption import read_identity
from config.backups.errors import BackupError
from config.backups.rehearsal import rehearse
from config.provisioning import ProvisioningError


class Command(BaseCommand):
    help = (
        "Restore a backup of everything into a database and a folder that are made for it, compare every row and "
        "file with what was backed up, and take both away again. Exit 1 on any difference."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--identity", type=Path, metavar="FILE", help="the key that reads it")
        parser.add_argument("--admin-url", default="", help="a login that may create databases")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            identity = read_identity(options["identity"] or settings.DOCENT_BACKUP_IDENTITY)
            backup = Backup(options["file"], identity)
            admin_url = options["admin_url"] or settings.DOCENT_ADMIN_URL
            manifest, checks = rehearse(backup, admin_url, self.stdout.write)
        except (BackupError, ProvisioningError, psycopg.Error) as error:
            raise CommandError(str(error)) from error
        faults = [check for check in checks if check.fault]
        for check in faults:
            self.stderr.write(f"Not so: {check.title}.\n{check.fault}")
        if faults:
            raise CommandError("This backup would not bring everything back.")
        self.stdout.write(
            f"Of {manifest.made_at}: {manifest.rows} rows and {len(manifest.files)} files would be back in "
            f"{time.monotonic() - began:.1f} s."
        )

"""`manage.py restore FILE [--tenant S] [--into NAME]`."""

import shutil
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management.base import BaseCommand, CommandError

from config.backups.archive import Backup, Manifest
from config.backups.encryption import read_identity
from config.backups.errors import BackupError
from config.backups.finishing import finish, finish_tenant
from config.backups.moments import app_url, owner_url
from config.backups.restoring import Place, restore_everything
from config.backups.tenants import Order, restore_tenant, tenant_in
from config.provisioning import ProvisioningError, create_database, with_database


class Command(BaseCommand):
    help = (
        "Bring a backup back: everything into an empty Docent, or with --tenant one organisation beside the "
        "others. Nothing is written before all of the file was read and found sound."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--identity", type=Path, metavar="FILE", help="the key that reads it")
        parser.add_argument("--admin-url", default="", help="a login that may create databases")
        parser.add_argument("--tenant", metavar="SLUG", help="this organisation only, beside the others")
        parser.add_argument("--replace", metavar="SLUG", help="it is there: have it as it was, and nothing since")
        parser.add_argument("--into", metavar="NAME", help="into this database, and a folder restored/NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            identity = read_identity(options["identity"] or settings.DOCENT_BACKUP_IDENTITY)
            backup = Backup(options["file"], identity)
            manifest = backup.verify()
            self.stdout.write(f"{options['file']} is sound: of {manifest.made_at}, release {manifest.release}.")
            restore = self._restore_tenant if options["tenant"] else self._restore_everything
            restore(backup, manifest, options)
        except (BackupError, ProvisioningError, psycopg.Error) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Done in {time.monotonic() - began:.1f} s.")

    def _restore_everything(self, backup: Backup, manifest: Manifest, options: dict[str, Any]) -> None:
        place = self._place(options["into"], options["admin_url"] or settings.DOCENT_ADMIN_URL)
        restore_everything(backup, manifest, place, self.stdout.write)
        checks = finish(place, self.stdout.write)
        for key in manifest.missing:
            self.stderr.write(f"Was lost before the backup: {key}")
        if faults := [check for check in checks if check.fault]:
            raise BackupError("\n".join(f"Not so: {one.title}.\n{one.fault}" for one in faults))

    def _restore_tenant(self, backup: Backup, manifest: Manifest, options: dict[str, Any]) -> None:
        slug = options["tenant"]
        if options["into"]:
            raise BackupError("One organisation is restored beside the others, not --into another database.")
        if options["replace"] not in {None, slug}:
            raise BackupError(f"To have “{slug}” as it was, add: --replace {slug}")
        order = Order(tenant=tenant_in(manifest, slug), slug=slug, replace=options["replace"] == slug)
        restore_tenant(
            backup,
            manifest,
            order,
            owner_url=owner_url(),
            admin_url=options["admin_url"] or settings.DOCENT_ADMIN_URL,
            say=self.stdout.write,
        )
        finish_tenant(manifest, order)

    def _place(self, name: str | None, admin_url: str) -> Place:
        if not name:
            return Place(
                owner_url=owner_url(), app_url=app_url(), storage=default_storage, data=settings.DOCENT_DATA
            )
        if not admin_url:
            raise BackupError("Another database needs DATABASE_ADMIN_URL or --admin-url.")
        create_database(admin_url, name)
        data = settings.DOCENT_DATA / "restored" / name
        data.mkdir(parents=True, exist_ok=True)
        if not (data / "secrets").exists():
            (data / "secrets").symlink_to(settings.DOCENT_DATA / "secrets")
        if (settings.DOCENT_DATA / "erasures").exists():
            shutil.copytree(settings.DOCENT_DATA / "erasures", data / "erasures", dirs_exist_ok=True)
        return Place(
            owner_url=with_database(owner_url(), name),
            app_url=with_database(app_url(), name),
            storage=FileSystemStorage(location=data / "files"),
            data=data,
        )

"""A place that is made for one restore and gone after it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage

from config.backups.errors import BackupError
from config.backups.moments import app_url, owner_url
from config.backups.restoring import Place
from config.provisioning import create_database, drop_database, with_database


@contextmanager
def scratch_place(admin_url: str) -> Iterator[Place]:
    """A database and a folder of their own.

    The folder has this installation's secrets and erasures, or nothing that was sealed could be verified and
    nobody be erased.
    """
    if not admin_url:
        raise BackupError("A scratch database needs DATABASE_ADMIN_URL or --admin-url.")
    name = f"docent_scratch_{os.getpid()}"
    data = Path(settings.DOCENT_DATA)
    folder = Path(tempfile.mkdtemp(prefix="docent-scratch-", dir=data))
    create_database(admin_url, name)
    try:
        (folder / "secrets").symlink_to(data / "secrets")
        if (data / "erasures").exists():
            shutil.copytree(data / "erasures", folder / "erasures")
        yield Place(
            owner_url=with_database(owner_url(), name),
            app_url=with_database(app_url(), name),
            storage=FileSystemStorage(location=folder / "files"),
            data=folder,
        )
    finally:
        drop_database(admin_url, name)
        shutil.rmtree(folder)

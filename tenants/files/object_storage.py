"""Files on storage that speaks S3's protocol: for whoever runs more than one machine without a disk they share.

An extra, requirements/s3.txt. Nobody is ever given an address there: Docent reads a file and hands it on, after it
has looked at who asks.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from boto3.s3.transfer import TransferConfig
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from django.core.files.storage import Storage
from storages.backends.s3 import S3File, S3Storage

from tenants.errors import FilesAway

_IN_MEMORY = 1024 * 1024  # of a file that is read; more of it goes to the folder for temporary files
_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 3, 20, 3
_HTTP_NOT_FOUND, _HTTP_NO_SPACE = 404, 507
# What servers say that have no room: Ceph, MinIO, others.
_NO_SPACE = frozenset(
    {"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "XMinioAdminBucketQuotaExceeded"}
)


@contextmanager
def _as_of_a_disk(name: str) -> Iterator[None]:
    """What goes wrong there is said as a disk would say it: missing, full, or not to be had."""
    try:
        yield
    except ClientError as error:
        told = error.response
        status = told.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == _HTTP_NOT_FOUND and told.get("Error", {}).get("Code") != "NoSuchBucket":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from error
        if status == _HTTP_NO_SPACE or told.get("Error", {}).get("Code") in _NO_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name) from error
        raise FilesAway(errno.EIO, f"the storage for files refused: {error}", name) from error
    except BotoCoreError as error:
        raise FilesAway(errno.EIO, f"the storage for files is away: {error}", name) from error


class StoredObject(S3File):  # type: ignore[misc]
    """A file that is read: copied as a whole at the first byte, so that what was checked is what is sent."""

    def _get_file(self) -> Any:
        with _as_of_a_disk(self.name):
            return super()._get_file()

    file = property(_get_file, S3File._set_file)

    @property
    def size(self) -> int:
        return int(self.obj.content_length)


class ObjectStorage(S3Storage):  # type: ignore[misc]
    """A bucket. Its files have no address that anybody could follow."""

    def __init__(self, **options: Any) -> None:
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            s3={"addressing_style": options.pop("addressing_style", "auto")},
            max_pool_connections=32,
            # Docent compares hashes of its own; not every server knows the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        own = {
            "client_config": config,
            "transfer_config": TransferConfig(use_threads=False),
            "max_memory_size": _IN_MEMORY,
            "file_overwrite": False,  # as on a disk: another file's name is not taken
            "default_acl": None,
        }
        super().__init__(**{**own, **options})
        self._making = threading.Lock()
        self._made: tuple[int, Any] | None = None

    @property
    def connection(self) -> Any:
        """One for all threads of a process: each of its own would take a tenth of a second to make, and 10 MB."""
        if self._made is None or self._made[0] != os.getpid():
            with self._making:
                if self._made is None or self._made[0] != os.getpid():
                    self._made = os.getpid(), self._resource()
        return self._made[1]

    @property
    def bucket(self) -> Any:
        return self.connection.Bucket(self.bucket_name)

    def _resource(self) -> Any:
        session: Session = self._create_session()
        return session.resource(
            "s3", region_name=self.region_name, endpoint_url=self.endpoint_url, config=self.client_config
        )

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        with _as_of_a_disk(name):
            return StoredObject(self._normalize_name(name), mode, self)

    def _save(self, name: str, content: File[bytes]) -> str:
        with _as_of_a_disk(name):
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        with _as_of_a_disk(name):
            super().delete(name)

    def exists(self, name: str) -> bool:
        with _as_of_a_disk(name):
            return bool(super().exists(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with _as_of_a_disk(path):
            folders, files = super().listdir(path)
        return folders, files

    def size(self, name: str) -> int:
        with _as_of_a_disk(name):
            return int(super().size(name))

    def get_modified_time(self, name: str) -> datetime:
        with _as_of_a_disk(name):
            changed: datetime = super().get_modified_time(name)
        return changed

    def url(self, name: str | None, *_: Any, **__: Any) -> str:
        """None: whoever had one could read the file until it expires, whatever they may see by then."""
        raise ValueError("This file is not accessible via a URL.")

    # S3 has no paths; Django's own message says so.
    path = Storage.path

"""Settings of where files lie: on a disk that every process has, or on storage that speaks S3's protocol."""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def file_storage(data: Path) -> dict[str, Any]:
    """What `STORAGES` says of files."""
    kind = env.str("DOCENT_STORAGE", default="disk")
    if kind == "disk":
        location = Path(env.str("DOCENT_FILES", default="") or data / "files").resolve()
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": location, "base_url": None},
        }
    if kind != "s3":
        raise ImproperlyConfigured(f"DOCENT_STORAGE is “{kind}”; it can be disk or s3.")
    return {"BACKEND": "tenants.files.object_storage.ObjectStorage", "OPTIONS": _bucket()}


def _bucket() -> dict[str, Any]:
    bucket = env.str("DOCENT_S3_BUCKET", default="")
    if not bucket:
        raise ImproperlyConfigured("DOCENT_STORAGE is “s3”: name the bucket in DOCENT_S3_BUCKET.")
    options = {
        "bucket_name": bucket,
        "endpoint_url": env.str("DOCENT_S3_ENDPOINT", default="") or None,
        "region_name": env.str("DOCENT_S3_REGION", default="") or None,
        "location": env.str("DOCENT_S3_PREFIX", default="").strip("/"),
        "addressing_style": env.str("DOCENT_S3_ADDRESSING", default="auto"),
    }
    key = _secret("DOCENT_S3_KEY_ID", env.str("DOCENT_S3_KEY_ID", default=""))
    secret = _secret("DOCENT_S3_SECRET", env.str("DOCENT_S3_SECRET", default=""))
    if bool(key) != bool(secret):
        raise ImproperlyConfigured("DOCENT_S3_KEY_ID and DOCENT_S3_SECRET belong together.")
    # Without either, boto3 looks where it always does: AWS's variables and files, the machine's role.
    return {**options, "access_key": key, "secret_key": secret} if key else options


def _secret(name: str, value: str) -> str:
    """The variable's value, or what stands in the file that the one ending in `_FILE` names."""
    path = env.str(f"{name}_FILE", default="")
    if not path:
        return value
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error

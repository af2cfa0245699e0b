"""Where state lives, the installation's own secrets, and what backups of it need."""

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from config.mounted import MissingSecretError, mounted_secrets
from config.secrets import former_among, load_secrets

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DOCENT_DATA = Path(env.str("DOCENT_DATA", default="") or BASE_DIR / ".docent").resolve()
# Where several machines share them they are given, and nothing makes one that is missing.
DOCENT_SECRETS = env.str("DOCENT_SECRETS", default="")
try:
    _secrets = mounted_secrets(Path(DOCENT_SECRETS)) if DOCENT_SECRETS else load_secrets(DOCENT_DATA)
except MissingSecretError as error:
    raise ImproperlyConfigured(str(error)) from error
SECRET_KEY = _secrets.django_key
DOCENT_TASK_KEY = _secrets.task_key
DOCENT_VAULT_KEY = _secrets.vault_key
# What `rotate_keys` has replaced is still believed and opened until it is told to forget it.
_folder = Path(DOCENT_SECRETS) if DOCENT_SECRETS else DOCENT_DATA / "secrets"
SECRET_KEY_FALLBACKS = former_among(_folder, "django_key")
DOCENT_FORMER_VAULT_KEYS = former_among(_folder, "vault_key")
# Of containers the platform process alone is given it.
DOCENT_AUDIT_KEY = _secrets.audit_key
# An image brings them along; elsewhere they are collected into the state folder.
STATIC_ROOT = Path(env.str("DOCENT_STATIC_ROOT", default="") or DOCENT_DATA / "static")

# Backups find these two: whose sees every organisation, and whose makes databases to restore into.
DOCENT_OPS_URL = env.str("DATABASE_OPS_URL", default="")
DOCENT_ADMIN_URL = env.str("DATABASE_ADMIN_URL", default="")
# Public keys of age that backups are encrypted to, and the file with the key that reads them.
DOCENT_BACKUP_RECIPIENT = env.str("DOCENT_BACKUP_RECIPIENT", default="")
DOCENT_BACKUP_IDENTITY = Path(
    env.str("DOCENT_BACKUP_IDENTITY", default="") or DOCENT_DATA / "secrets" / "backup_identity"
)

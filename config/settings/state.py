"""Where state lives, the keys in it, and what backups of it need."""

from pathlib import Path

import environ

from config.secrets import former_secrets, load_secrets

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent.parent

DOCENT_DATA = Path(env.str("DOCENT_DATA", default="") or BASE_DIR / ".docent").resolve()
_secrets = load_secrets(DOCENT_DATA)
SECRET_KEY = _secrets.django_key
DOCENT_TASK_KEY = _secrets.task_key
DOCENT_VAULT_KEY = _secrets.vault_key
DOCENT_AUDIT_KEY = _secrets.audit_key
# What `rotate_keys` has replaced is still believed and opened until it is told to forget it.
SECRET_KEY_FALLBACKS = former_secrets(DOCENT_DATA, "django_key")
DOCENT_FORMER_VAULT_KEYS = former_secrets(DOCENT_DATA, "vault_key")

# Backups find these two: whose sees every organisation, and whose makes databases to restore into.
DOCENT_OPS_URL = env.str("DATABASE_OPS_URL", default="")
DOCENT_ADMIN_URL = env.str("DATABASE_ADMIN_URL", default="")
# Public keys of age that backups are encrypted to, and the file with the key that reads them.
DOCENT_BACKUP_RECIPIENT = env.str("DOCENT_BACKUP_RECIPIENT", default="")
DOCENT_BACKUP_IDENTITY = Path(
    env.str("DOCENT_BACKUP_IDENTITY", default="") or DOCENT_DATA / "secrets" / "backup_identity"
)

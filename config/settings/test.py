"""The tests: real servers, cheap passwords, short times (fault rows at a tenth of theirs, or as stated)."""

from config.settings.base import *  # noqa: F403

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
_SHARE = 1.0 if env.str("FAULT_TIMES", default="") == "stated" else 0.1  # noqa: F405
DOCENT_FIRST_TOKEN_TIMEOUT = env.float("DOCENT_FIRST_TOKEN_TIMEOUT", default=60 * _SHARE)  # noqa: F405
DOCENT_ATTACHMENT_WAIT = 8.0
DOCENT_FIRST_TOKEN_NOTICE = 10 * _SHARE
DOCENT_IDLE_TIMEOUT = 30 * _SHARE
# The model server of the run fails for many tests, and answers the next one.
DOCENT_MODEL_REST = env.float("DOCENT_MODEL_REST", default=0.0)  # noqa: F405
DOCENT_QUESTION_TIMEOUT = 2.0
DOCENT_REWRITE_SECONDS = 0.6
DOCENT_TITLE_SECONDS = 2.0
DOCENT_TEMPORARY_SECONDS = 3.0
DOCENT_JOB_LEASE_SECONDS = 3.0
DOCENT_REPLY_LEASE_SECONDS = env.float("DOCENT_REPLY_LEASE_SECONDS", default=3.0)  # noqa: F405
DOCENT_DRAIN_SECONDS = env.float("DOCENT_DRAIN_SECONDS", default=0.5)  # noqa: F405
DOCENT_LINGER_SECONDS = env.float("DOCENT_LINGER_SECONDS", default=0.2)  # noqa: F405
DOCENT_WEB_PAGE_SECONDS = 2.0
DOCENT_TENANTS_MANAGE_MODELS = True

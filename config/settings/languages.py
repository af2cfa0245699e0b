"""Languages, and how dates and numbers are written in them."""

from pathlib import Path

import environ

env = environ.Env()

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ar", "العربية (beta)")]
LOCALE_PATHS = [Path(__file__).resolve().parent.parent.parent / "locale"]
FORMAT_MODULE_PATH = "config.formats"
LANGUAGE_COOKIE_SAMESITE = "Lax"
# English with accents and two fifths longer, which shows what is not translated. Its catalogue is made by
# `manage.py messages --pseudo`, in the state folder.
DOCENT_PSEUDO_LANGUAGE = env.bool("DOCENT_PSEUDO_LANGUAGE", default=False)
if DOCENT_PSEUDO_LANGUAGE:
    LANGUAGES.append(("en-xa", "Pseudo-English"))
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

"""Settings shared by every environment. This package is the only place that reads the environment."""

from pathlib import Path

import environ

from config.secrets import load_secrets

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent.parent

# --- Where state lives -----------------------------------------------------------------------------------
DOCENT_DATA = Path(env.str("DOCENT_DATA", default="") or BASE_DIR / ".docent").resolve()
_secrets = load_secrets(DOCENT_DATA)
SECRET_KEY = _secrets.django_key
DOCENT_TASK_KEY = _secrets.task_key
DOCENT_VAULT_KEY = _secrets.vault_key
DOCENT_AUDIT_KEY = _secrets.audit_key

# --- Servers ---------------------------------------------------------------------------------------------
# `manage.py` fills DATABASE_URL and REDIS_URL with the embedded servers' addresses when they are unset;
# commands that need neither (makemigrations, check) run against these unreachable defaults.
_UNSET_DATABASE = "postgres://docent_app@127.0.0.1:1/docent"
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:1/0")

DATABASES = {"default": env.db_url("DATABASE_URL", default=_UNSET_DATABASE)}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,  # the pool keeps connections; Django must not
    "DISABLE_SERVER_SIDE_CURSORS": True,
    "OPTIONS": {
        "pool": {
            "min_size": env.int("DOCENT_DB_POOL_MIN", default=1),
            "max_size": env.int("DOCENT_DB_POOL", default=10),
            "timeout": 3,
        },
        "application_name": "docent",
    },
}
# Threads that serve tenant units of asynchronous code: never more than there are connections for them.
DOCENT_UNIT_THREADS = max(2, DATABASES["default"]["OPTIONS"]["pool"]["max_size"] - 2)

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "docent",
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # An idle subscriber must not time out: redis-py's own default is five seconds.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "prefix": "docent"},
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "docent:", "socket_timeout": None}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_TASK_ACKS_LATE = False  # the job row decides what is run again, not the broker
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- Applications ----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    # Without its own discovery: `tenants.admin_site` is the only admin, one tenant at a time.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "heroicons",
    "tenants",
    "documents",
    "retrieval",
    "conversations",
    "config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    # Last: its process_view runs the view inside the tenant's transaction, after every other check.
    "tenants.middleware.TenantMiddleware",
]
ROOT_URLCONF = "config.urls"
TENANT_URLCONF = "config.tenant_urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.context_processors.organisation",
                "conversations.context_processors.sidebar",
            ],
        },
    }
]

# --- People ----------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_FORMS = {"signup": "tenants.forms.SignupForm"}
ACCOUNT_ADAPTER = "tenants.adapters.AccountAdapter"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("DOCENT_FROM_EMAIL", default="docent@localhost")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# --- HTTP ------------------------------------------------------------------------------------------------
DOCENT_PUBLIC_URL = env.str(
    "DOCENT_PUBLIC_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}"
).rstrip("/")
ALLOWED_HOSTS = env.list("DOCENT_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
STATIC_URL = "/static/"
STATIC_ROOT = DOCENT_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DOCENT_DATA / "files", "base_url": None},
    },
    "staticfiles": {"BACKEND": "config.static.ModuleManifestStorage"},
}

# Limits on what a request may carry; config.asgi cuts a body that passes them before it is spooled.
DOCENT_MAX_FILE_BYTES = env.int("DOCENT_MAX_FILE_BYTES", default=50 * 1024 * 1024)
DOCENT_MAX_REQUEST_BYTES = env.int("DOCENT_MAX_REQUEST_BYTES", default=200 * 1024 * 1024)
DOCENT_MAX_JSON_BYTES = 1024 * 1024
DOCENT_MAX_QUESTION_BYTES = 32_000
DOCENT_BODY_IDLE_SECONDS = env.float("DOCENT_BODY_IDLE_SECONDS", default=30.0)
DATA_UPLOAD_MAX_MEMORY_SIZE = DOCENT_MAX_JSON_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.PermissionTable"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "tenants.api.pages.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tenants.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Docent",
    "DESCRIPTION": "Ask your organisation's documents; every citation opens its page.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {"AnswerModeEnum": "conversations.models.Mode.choices"},
}

# --- Models ----------------------------------------------------------------------------------------------
OLLAMA_HOST = env.str("OLLAMA_HOST", default="")
DOCENT_CHAT_MODEL = env.str("DOCENT_CHAT_MODEL", default="")
DOCENT_FIRST_TOKEN_TIMEOUT = env.float("DOCENT_FIRST_TOKEN_TIMEOUT", default=60.0)
DOCENT_FIRST_TOKEN_NOTICE = env.float("DOCENT_FIRST_TOKEN_NOTICE", default=10.0)
DOCENT_IDLE_TIMEOUT = env.float("DOCENT_IDLE_TIMEOUT", default=30.0)
DOCENT_MODEL_CONTEXT = env.int("DOCENT_MODEL_CONTEXT", default=8192)
DOCENT_EMBEDDER_DIR = env.str("DOCENT_EMBEDDER_DIR", default="")
DOCENT_EMBEDDER_THREADS = env.int("DOCENT_EMBEDDER_THREADS", default=0)

# --- Retrieval -------------------------------------------------------------------------------------------
DOCENT_PASSAGES = env.int("DOCENT_PASSAGES", default=7)

# --- Work ------------------------------------------------------------------------------------------------
DOCENT_PARSER_SECONDS = env.float("DOCENT_PARSER_SECONDS", default=60.0)
DOCENT_JOB_LEASE_SECONDS = env.float("DOCENT_JOB_LEASE_SECONDS", default=20.0)
DOCENT_REPLY_LEASE_SECONDS = env.float("DOCENT_REPLY_LEASE_SECONDS", default=15.0)
DOCENT_ALLOW_UNISOLATED_PARSER = False

# --- The rest --------------------------------------------------------------------------------------------
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("DOCENT_LOG_LEVEL", default="INFO")},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}

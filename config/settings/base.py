"""Settings shared by every environment. This package is the only place that reads the environment."""

import environ
from django.core.exceptions import ImproperlyConfigured

from config.settings.api import *  # noqa: F403
from config.settings.files import file_storage
from config.settings.languages import *  # noqa: F403
from config.settings.observing import *  # noqa: F403
from config.settings.pages import *  # noqa: F403
from config.settings.replies import *  # noqa: F403
from config.settings.state import *  # noqa: F403
from config.settings.state import BASE_DIR, DOCENT_DATA
from config.settings.webhooks import *  # noqa: F403
from tenants.database.answered_connections import AnsweredConnection

env = environ.Env()

DOCENT_METRICS_FOLDER = shared_numbers(DOCENT_DATA)  # noqa: F405

# --- Servers ---------------------------------------------------------------------------------------------
# `manage.py` fills DATABASE_URL and REDIS_URL with the embedded servers' addresses when they are unset;
# commands that need neither (makemigrations, check) run against these unreachable defaults.
_UNSET_DATABASE = "postgres://docent_app@127.0.0.1:1/docent"
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:1/0")

DATABASES = {"default": env.db_url("DATABASE_URL", default=_UNSET_DATABASE)}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,  # the pool keeps connections; Django must not
    "DISABLE_SERVER_SIDE_CURSORS": True,
    # Nothing is prepared in a session of the server: behind a bouncer the next statement may be in another.
    "OPTIONS": {"application_name": "docent", "prepare_threshold": None},
}
# 0: no pool, a connection for each unit, which a bouncer on the same machine makes cheap.
_POOL = env.int("DOCENT_DB_POOL", default=10)
if _POOL:
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": min(_POOL, env.int("DOCENT_DB_POOL_MIN", default=1)),
        "max_size": _POOL,
        "timeout": 3,
        # Given up soon and begun anew by whoever asks next: the pool itself would double its pauses for five
        # minutes, and stay away for as long again as the server was.
        "reconnect_timeout": 2,
        "connection_class": AnsweredConnection,
    }
# The owner's address. Of all processes only `platform` finds it in its environment.
DOCENT_OWNER_URL = env.str("DATABASE_OWNER_URL", default="")
# Threads that serve tenant units of asynchronous code: never more than there are connections for them.
DOCENT_UNIT_THREADS = max(2, (_POOL or 10) - 2)

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
    # Without its own discovery: `tenants.admin_sites.tenant_site` is the only admin, one tenant at a time.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "tenants",
    "documents",
    "retrieval",
    "conversations",
    "config",
]
# All of it is synchronous but the last, and so is run on one thread for each request, which waits for the views:
# asked of each middleware in turn, the event loop and the threads would take 3 ms more for a request.
MIDDLEWARE = [
    "tenants.web.middleware.ConnectionMiddleware",
    "conversations.widget.middleware.WithoutCookies",
    "django.middleware.security.SecurityMiddleware",
    "tenants.web.compression.CompressedPages",
    "csp.middleware.CSPMiddleware",
    # Before whatever may answer by itself: a refusal that a page may not read is a riddle.
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.web.locale_middleware.LocaleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    # Last: its process_view runs the view inside the tenant's transaction, after every other check.
    "tenants.web.middleware.TenantMiddleware",
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
            "libraries": {"heroicons": "tenants.templatetags.icons"},
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
# Signing up logs in at once; what needs a verified address (an invitation, a second factor) asks for it.
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 1
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_FORMS = {"signup": "tenants.signin.forms.SignupForm", "add_email": "tenants.signin.forms.AddEmailForm"}
ACCOUNT_ADAPTER = "tenants.adapters.AccountAdapter"
# Whether strangers may sign up; with "closed" only people with an invitation may.
DOCENT_SIGNUP = env.str("DOCENT_SIGNUP", default="open")
if DOCENT_SIGNUP not in {"open", "closed"}:
    raise ImproperlyConfigured(f"DOCENT_SIGNUP is “{DOCENT_SIGNUP}”; it can be open or closed.")
# Proxies in front that each add to X-Forwarded-For; without any, the header is not believed.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("DOCENT_TRUSTED_PROXIES", default=0)

MFA_ADAPTER = "tenants.adapters.SecondFactorAdapter"
MFA_FORMS = {
    "add_webauthn": "tenants.signin.forms.AddKeyForm",
    "authenticate_webauthn": "tenants.signin.forms.AuthenticateKeyForm",
    "login_webauthn": "tenants.signin.forms.LoginKeyForm",
    "reauthenticate_webauthn": "tenants.signin.forms.ReauthenticateKeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Docent"
USERSESSIONS_ADAPTER = "tenants.adapters.SessionsAdapter"
SOCIALACCOUNT_ADAPTER = "tenants.adapters.SignInAdapter"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {"provider_class": "tenants.signin.openid_connect.OrganisationProvider"}
}
# A link and not a form starts it: the content policy keeps forms, their redirects too, on this site.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_EMAIL_REQUIRED = False  # our adapter requires it
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
# Sign-in providers that may have a private address or lack TLS, as host or host:port.
DOCENT_OIDC_PRIVATE_HOSTS = frozenset(env.list("DOCENT_OIDC_PRIVATE_HOSTS", default=[]))

vars().update(env.email_url("DOCENT_EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DOCENT_FROM_EMAIL", default="docent@localhost")
SESSION_ENGINE = "tenants.session_store"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# --- HTTP ------------------------------------------------------------------------------------------------
DOCENT_PUBLIC_URL = env.str(
    "DOCENT_PUBLIC_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}"
).rstrip("/")
ALLOWED_HOSTS = env.list("DOCENT_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
# The operator's web process serves `/admin/` and none of the organisations: nothing in it can enter one.
DOCENT_PLATFORM_ADMIN = env.bool("DOCENT_PLATFORM_ADMIN", default=False)
if DOCENT_PLATFORM_ADMIN:
    ROOT_URLCONF = "config.platform_urls"
    MIDDLEWARE.remove("tenants.web.middleware.TenantMiddleware")
    ALLOWED_HOSTS += ["127.0.0.1", "localhost"]  # where `up` lets it listen
# Without TLS, on one machine, browsers take passkeys at http://localhost alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DOCENT_PUBLIC_URL.startswith("http://")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": file_storage(DOCENT_DATA),
    "staticfiles": {"BACKEND": "config.static.ModuleManifestStorage"},
}

# Limits on what a request may carry; config.asgi cuts a body that passes them before it is spooled.
DOCENT_MAX_FILE_BYTES = env.int("DOCENT_MAX_FILE_BYTES", default=50 * 1024 * 1024)
DOCENT_MAX_REQUEST_BYTES = env.int("DOCENT_MAX_REQUEST_BYTES", default=200 * 1024 * 1024)
DOCENT_MAX_JSON_BYTES = 1024 * 1024
DOCENT_MAX_QUESTION_BYTES = 32_000
# An archived conversation that is sent to be taken up again.
DOCENT_MAX_ARCHIVE_BYTES = env.int("DOCENT_MAX_ARCHIVE_BYTES", default=10 * 1024 * 1024)
DOCENT_BODY_IDLE_SECONDS = env.float("DOCENT_BODY_IDLE_SECONDS", default=30.0)
# How many web processes share a person's calls while Valkey, which counts them otherwise, is away.
DOCENT_WEB_PROCESSES = env.int("DOCENT_WEB_PROCESSES", default=1)
DATA_UPLOAD_MAX_MEMORY_SIZE = DOCENT_MAX_JSON_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

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
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tenants.api.idempotency.describe_header",
        "tenants.api.preconditions.describe_tags",
        "tenants.api.answers.describe_answers",
        "config.api_examples.add_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "DocumentStatusEnum": "documents.models.Status.choices",
        "AnswerModeEnum": "conversations.models.Mode.choices",
        "SearchModeEnum": "retrieval.api.serializers.MODES",
        "MemberRoleEnum": "tenants.permissions.Role.choices",
        "MessageStatusEnum": "conversations.models.Status.choices",
        "QuotaForEnum": "tenants.models.QuotaFor.choices",
        "PullStatusEnum": "conversations.models.PullStatus.choices",
        "ConversationOriginEnum": "conversations.models.Origin.choices",
        "AuthorEnum": "conversations.models.Role.choices",
    },
}

# --- Web pages that people add ---------------------------------------------------------------------------
DOCENT_WEB_PAGE_SECONDS = 20.0
# Hosts whose pages may be fetched although they are not in the public internet, as host or host:port.
DOCENT_WEB_PRIVATE_HOSTS = frozenset(env.list("DOCENT_WEB_PRIVATE_HOSTS", default=[]))
# The only way out where there is one: a proxy, as host:port, that opens connections by CONNECT.
DOCENT_EGRESS_PROXY = env.str("DOCENT_EGRESS_PROXY", default="")

# --- Models ----------------------------------------------------------------------------------------------
OLLAMA_HOST = env.str("OLLAMA_HOST", default="")
DOCENT_CHAT_MODEL = env.str("DOCENT_CHAT_MODEL", default="")
DOCENT_FIRST_TOKEN_TIMEOUT = env.float("DOCENT_FIRST_TOKEN_TIMEOUT", default=60.0)
# Seconds that a question waits for files of its conversation that are still being read.
DOCENT_ATTACHMENT_WAIT = env.float("DOCENT_ATTACHMENT_WAIT", default=20.0)
DOCENT_FIRST_TOKEN_NOTICE = env.float("DOCENT_FIRST_TOKEN_NOTICE", default=10.0)
DOCENT_IDLE_TIMEOUT = env.float("DOCENT_IDLE_TIMEOUT", default=30.0)
# Seconds that a model is left alone which fails and fails; 0: it is asked nevertheless.
DOCENT_MODEL_REST = env.float("DOCENT_MODEL_REST", default=15.0)
DOCENT_MODEL_CONTEXT = max(1024, env.int("DOCENT_MODEL_CONTEXT", default=8192))
DOCENT_ANSWER_TOKENS = env.int("DOCENT_ANSWER_TOKENS", default=1024)
DOCENT_MEMORY_TURNS = env.int("DOCENT_MEMORY_TURNS", default=6)
DOCENT_SUMMARY_DELAY = env.float("DOCENT_SUMMARY_DELAY", default=5.0)
DOCENT_SUMMARY_SECONDS = env.float("DOCENT_SUMMARY_SECONDS", default=60.0)
# Model servers beside the one of OLLAMA_HOST: `name=kind+url`, separated by commas, or JSON.
DOCENT_MODEL_SERVERS = env.str("DOCENT_MODEL_SERVERS", default="")
_MODEL_KEY = "DOCENT_MODEL_KEY_"
DOCENT_MODEL_KEYS = {
    name.removeprefix(_MODEL_KEY): env.str(name) for name in env.ENVIRON if name.startswith(_MODEL_KEY)
}
# Answers where another model fails before it has said anything.
DOCENT_FALLBACK_MODEL = env.str("DOCENT_FALLBACK_MODEL", default="")
DOCENT_MODEL_PRICES = env.str("DOCENT_MODEL_PRICES", default="")
# Models are the machine's, which all organisations share: whether their admins may pull and delete them.
DOCENT_TENANTS_MANAGE_MODELS = env.bool("DOCENT_TENANTS_MANAGE_MODELS", default=False)
# A server that speaks OpenAI's API; with only a key it is OpenAI's own.
DOCENT_OPENAI_BASE_URL = env.str("DOCENT_OPENAI_BASE_URL", default="")
DOCENT_OPENAI_API_KEY = env.str("DOCENT_OPENAI_API_KEY", default="")
# For a batch of passages, and for a question that somebody waits for the answer to.
DOCENT_EMBEDDING_TIMEOUT = env.float("DOCENT_EMBEDDING_TIMEOUT", default=60.0)
DOCENT_QUESTION_TIMEOUT = env.float("DOCENT_QUESTION_TIMEOUT", default=10.0)
DOCENT_EMBEDDER_DIR = env.str("DOCENT_EMBEDDER_DIR", default="")
DOCENT_EMBEDDER_THREADS = env.int("DOCENT_EMBEDDER_THREADS", default=0)

# --- Retrieval -------------------------------------------------------------------------------------------
DOCENT_PASSAGES = env.int("DOCENT_PASSAGES", default=7)
# A server with a re-ranking model, all of its address before `/rerank`; without one passages keep their order.
DOCENT_RERANK_URL = env.str("DOCENT_RERANK_URL", default="")
DOCENT_RERANK_MODEL = env.str("DOCENT_RERANK_MODEL", default="")
DOCENT_RERANK_API_KEY = env.str("DOCENT_RERANK_API_KEY", default="")
DOCENT_RERANK_TIMEOUT = env.float("DOCENT_RERANK_TIMEOUT", default=3.0)
DOCENT_RERANK_CANDIDATES = env.int("DOCENT_RERANK_CANDIDATES", default=20)
# How many of them are weighed for it.
DOCENT_CANDIDATES = env.int("DOCENT_CANDIDATES", default=20)
# What the model has for making a follow-up whole; then rules do.
DOCENT_REWRITE_SECONDS = env.float("DOCENT_REWRITE_SECONDS", default=4.0)
# What it has for the title of a conversation; then that stays the beginning of its first question.
DOCENT_TITLE_SECONDS = env.float("DOCENT_TITLE_SECONDS", default=15.0)
# How long after a turn its messages are embedded: later while more is said.
DOCENT_MESSAGE_EMBEDDING_DELAY = env.float("DOCENT_MESSAGE_EMBEDDING_DELAY", default=30.0)
# Up to how many passages within a person's sight each vector is compared; an index of more has an HNSW graph.
DOCENT_EXACT_UP_TO = env.int("DOCENT_EXACT_UP_TO", default=30_000)
# Of the ten nearest passages, the share that a search by the graph must find.
DOCENT_RECALL_TARGET = env.float("DOCENT_RECALL_TARGET", default=0.95)
# What building a graph may take: one of 200,000 vectors of 384 dimensions takes 290 MB.
DOCENT_INDEXING_MEMORY_MB = env.int("DOCENT_INDEXING_MEMORY_MB", default=256)

# --- Work ------------------------------------------------------------------------------------------------
DOCENT_PARSER_SECONDS = env.float("DOCENT_PARSER_SECONDS", default=60.0)
# Reading the text of scanned pages, where what it needs is installed: see requirements/ocr.in.
DOCENT_OCR = env.bool("DOCENT_OCR", default=True)
DOCENT_OCR_SECONDS = env.float("DOCENT_OCR_SECONDS", default=3600.0)
DOCENT_SCANNER = env.str("DOCENT_SCANNER", default="")
DOCENT_SCANNER_SECONDS = env.float("DOCENT_SCANNER_SECONDS", default=60.0)
DOCENT_JOB_LEASE_SECONDS = env.float("DOCENT_JOB_LEASE_SECONDS", default=20.0)
DOCENT_WORKERS = env.int("DOCENT_WORKERS", default=1)
DOCENT_EMBED_WORKERS = env.int("DOCENT_EMBED_WORKERS", default=1)
# Jobs of each queue that Celery may hold at once: one waits while each worker has one.
DOCENT_JOBS_IN_FLIGHT = {"work": DOCENT_WORKERS + 1, "embed": DOCENT_EMBED_WORKERS + 1}
DOCENT_REPLY_LEASE_SECONDS = env.float("DOCENT_REPLY_LEASE_SECONDS", default=15.0)
# How often a web process asks whose authority ended: at most four, for what is open closes within five seconds.
DOCENT_REVOCATION_SECONDS = min(env.float("DOCENT_REVOCATION_SECONDS", default=1.5), 4.0)
DOCENT_ALLOW_UNISOLATED_PARSER = False

# --- The rest --------------------------------------------------------------------------------------------
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DOCENT_PSEUDO_LANGUAGE:  # noqa: F405
    LOCALE_PATHS.append(DOCENT_DATA / "locale")  # noqa: F405
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

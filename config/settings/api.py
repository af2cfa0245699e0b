"""The REST API's framework, and which web pages may call the APIs."""

import environ

env = environ.Env()

# Pages of these origins may call the APIs, with a token: never with cookies, which open none of them.
DOCENT_CORS_ORIGINS = env.list("DOCENT_CORS_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/(api|openai)/"
CORS_ALLOW_ALL_ORIGINS = DOCENT_CORS_ORIGINS == ["*"]
CORS_ALLOWED_ORIGINS = [] if CORS_ALLOW_ALL_ORIGINS else DOCENT_CORS_ORIGINS
CORS_ALLOW_CREDENTIALS = False
# OpenAI's client sends a dozen of its own; "*" is for all but one.
CORS_ALLOW_HEADERS = ["*", "authorization"]
CORS_EXPOSE_HEADERS = [
    "Content-Disposition",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-ID",
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.PermissionTable"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tenants.api.negotiation.OneForm",
    "DEFAULT_PARSER_CLASSES": ["tenants.api.serializers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "tenants.api.pages.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tenants.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
}

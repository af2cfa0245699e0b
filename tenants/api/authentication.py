"""DRF is handed what the middleware resolved; it parses no header itself."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from tenants.access import Access


class BearerAuthentication(BaseAuthentication):
    """`request.auth` is the `Access` of the bearer token."""

    def authenticate(self, request: Request) -> tuple[Access, Access] | None:
        access: Access | None = getattr(request._request, "access", None)
        return None if access is None else (access, access)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="docent"'


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "dct_<id>_<secret>"}

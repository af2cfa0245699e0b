"""OpenID Connect with an organisation's own provider, by django-allauth's flow.

On top of allauth's: a nonce (OpenID Connect Core 1.0, 3.1.2.1), the ID token's signature even where TLS would
do (3.1.3.7), the issuer's metadata checked against its address (Discovery 1.0, 4.3), and nothing that the
link itself may add to the request.
"""

import hashlib
import hmac
import secrets
import unicodedata
from typing import Any
from urllib.parse import urlsplit

import jwt
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponse
from requests import RequestException

from tenants.addresses.links import absolute, global_url

# Asymmetric ones alone: a provider's public key is no secret to sign with.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
# What is read of a person, and as what (OpenID Connect Core 1.0, 5.1).
_KEPT = {"sub": str, "email": str, "email_verified": bool, "name": str}
_LEEWAY = 60  # seconds between the provider's clock and ours


class OpenIdAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """One log-in with one organisation's provider. `nonce` is the one that was sent with the person."""

    nonce: str | None = None

    @property
    def openid_config(self) -> dict[str, Any]:
        """The issuer's metadata, fetched once a request; a refusal ends the request with a page that says so."""
        if not hasattr(self, "_metadata"):
            provider = self.get_provider()
            try:
                self._metadata = _fetched_metadata(provider.app.settings["server_url"])
            except (RequestException, OAuth2Error) as error:
                page = render_authentication_error(self.request, provider, exception=error)
                raise ImmediateHttpResponse(page) from error
        return self._metadata

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return callback_url(app.provider_id)

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            data: dict[str, Any] = super().get_access_token_data(*args, **kwargs)
        except (KeyError, TypeError, ValueError) as error:
            raise OAuth2Error("The token endpoint's answer makes no sense.") from error
        return data

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Its value alone: no token is kept or used."""
        return SocialToken(token=data["access_token"])

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        claims = self._verified_claims(app, kwargs["response"].get("id_token"))
        kept = {name: claims[name] for name, kind in _KEPT.items() if isinstance(claims.get(name), kind)}
        if not f"{kept['sub']}{kept.get('email', '')}".isprintable():
            raise OAuth2Error("The ID token's subject or address holds characters that are no text.")
        kept["name"] = _cleaned(kept.get("name", ""))
        return self.get_provider().sociallogin_from_response(request, {"id_token": kept})

    def _verified_claims(self, app: SocialApp, id_token: Any) -> dict[str, Any]:
        """The ID token's claims, after all checks of OpenID Connect Core 1.0, 3.1.3.7. Raises `OAuth2Error`."""
        try:
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key=self._key_of(id_token),
                algorithms=_ALGORITHMS,
                audience=app.client_id,
                issuer=self.openid_config["issuer"],
                leeway=_LEEWAY,
                options={"require": _REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise OAuth2Error("The ID token is not valid.") from error
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("The ID token was made for another client.")
        if not self.nonce or not hmac.compare_digest(str(claims["nonce"]), self.nonce):
            raise OAuth2Error("The ID token belongs to another log-in.")
        return claims

    def _key_of(self, id_token: Any) -> jwt.PyJWK:
        key_id = jwt.get_unverified_header(id_token).get("kid")
        with get_adapter().get_requests_session() as session:
            response = session.get(self.openid_config["jwks_uri"])
            response.raise_for_status()
            found = _object_of(response)
        keys = jwt.PyJWKSet.from_dict(found).keys
        for key in keys:
            if key.key_id == key_id or (key_id is None and len(keys) == 1):
                return key
        raise OAuth2Error("The ID token's key is unknown.")


class OrganisationProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """Registered in allauth's place of its own by SOCIALACCOUNT_PROVIDERS."""

    oauth2_adapter_class = OpenIdAdapter

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Only where to go next comes from the link; scope, parameters and purpose are fixed."""
        asked = super().get_redirect_from_request_kwargs(request)
        nonce = secrets.token_urlsafe(32)
        return {
            "process": AuthProcess.LOGIN,
            "next_url": asked.get("next_url"),
            "scope": self.get_scope(),
            "auth_params": {"nonce": nonce},
            "nonce": nonce,
        }

    def extract_uid(self, data: dict[str, Any]) -> str:
        """The subject of this issuer in this organisation: another issuer or organisation starts anew."""
        settings = self.app.settings
        whole = f"{settings['tenant_id']}\n{settings['server_url']}\n{data['id_token']['sub']}"
        return hashlib.sha256(whole.encode()).hexdigest()

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """None: an organisation's word verifies an address for that organisation only."""
        return []


class OpenIdCallback(OAuth2CallbackView):  # type: ignore[misc]
    """Allauth's, handing the nonce from the state to whoever checks the ID token."""

    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[dict[str, Any] | None, HttpResponse | None]:
        state, refusal = super()._get_state(request, provider)
        self.adapter.nonce = state["nonce"] if state else None
        return state, refusal


def callback_url(slug: str) -> str:
    """Where the organisation's provider must send people back to."""
    return absolute(global_url("openid_connect_callback", slug))


def _fetched_metadata(issuer: str) -> dict[str, Any]:
    with get_adapter().get_requests_session() as session:
        response = session.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        response.raise_for_status()
        metadata = _object_of(response)
        if metadata.get("issuer") != issuer:
            raise OAuth2Error("The metadata belongs to another issuer.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            url = metadata.get(name)
            if not isinstance(url, str) or not (urlsplit(url).scheme == "https" or session.may_be_private(url)):
                raise OAuth2Error(f"The metadata's {name} is missing or not https.")
    return metadata


def _cleaned(name: str) -> str:
    """Without control characters and half surrogates, which the database keeps in no text."""
    return "".join(one for one in name if unicodedata.category(one) not in {"Cc", "Cs"})


def _object_of(response: Any) -> dict[str, Any]:
    found = response.json()
    if not isinstance(found, dict):
        raise OAuth2Error("The answer is not a JSON object.")
    return found

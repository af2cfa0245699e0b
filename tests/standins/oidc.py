"""An OpenID Connect provider over a real socket, for one client. It can lie.

with OidcStandIn() as provider:
    provider.person = {"sub": "1", "email": "erin@acme.example", "email_verified": True}
    provider.lies = {"nonce": "another"}  # claims as they should not be
    code_url = provider.authorize(location)  # what a browser would be sent back to
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class OidcStandIn:
    """`requests` holds the paths asked for, in order; `authorized` the queries of each authorisation request."""

    client_id = "docent"
    client_secret = "the client's own secret, long enough for HS256"

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.authorized: list[dict[str, str]] = []
        self.reset()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="oidc-stand-in", daemon=True)

    def reset(self) -> None:
        """Nobody there, nothing asked, nothing but the truth."""
        self.person: dict[str, Any] = {}
        self.lies: dict[str, Any] = {}
        self.metadata_lies: dict[str, Any] = {}
        self.signs_with = _KEY
        self.algorithm = "RS256"
        self.redirects_metadata_to = ""
        self._codes: dict[str, dict[str, str]] = {}
        self.requests.clear()
        self.authorized.clear()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def issuer(self) -> str:
        return f"http://{self.host}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def authorize(self, location: str) -> str:
        """Log `person` in: the address that the browser, sent to `location`, is sent back to."""
        parts = urlsplit(location)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorize", location
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == self.client_id
        self.authorized.append(query)
        code = secrets.token_urlsafe()
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            **self.metadata_lies,
        }

    def _keys(self) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(_KEY.public_key()))
        return {"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}

    def _tokens(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Only for the right client, redirect and code verifier (RFC 7636, 4.6), and once."""
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or form.get("client_id") != self.client_id
            or form.get("client_secret") != self.client_secret
            or form.get("redirect_uri") != asked["redirect_uri"]
            or base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != asked.get("code_challenge")
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        truth = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        told = {**truth, **self.person, **self.lies}
        claims = {name: value for name, value in told.items() if value is not None}
        key: Any = self.signs_with if self.algorithm == "RS256" else self.client_secret
        if self.algorithm == "none":
            key = None
        token = jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": "1"})
        return 200, {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "id_token": token}

    def sign_as_stranger(self) -> None:
        """From now on with a key that the provider does not publish."""
        self.signs_with = _STRANGER

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.requests.append(self.path)
                if self.path == "/.well-known/openid-configuration":
                    # With a body too, for whoever does not look at the status.
                    self._answer(302 if provider.redirects_metadata_to else 200, provider._metadata())
                elif self.path == "/keys":
                    self._answer(200, provider._keys())
                else:
                    self._answer(404, {})

            def do_POST(self) -> None:
                provider.requests.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                self._answer(*(provider._tokens(form) if self.path == "/token" else (404, {})))

            def _answer(self, status: int, found: dict[str, Any]) -> None:
                body = json.dumps(found).encode()
                self.send_response(status)
                if status == HTTPStatus.FOUND:
                    self.send_header("Location", provider.redirects_metadata_to)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler

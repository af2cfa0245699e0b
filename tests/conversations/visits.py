"""A web site of acme, and its visitors as the widget's page speaks for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx
import jwt

from tests.conversations.doors import Event, read_events
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer

ORIGIN = "https://www.acme.example"
_PATIENCE = 30.0


def site_of(person: Person, *collections: str, **fields: Any) -> dict[str, Any]:
    """A web site that asks these collections."""
    body = {"name": "Acme help", "origins": [ORIGIN], "collections": list(collections), **fields}
    response = person.full_api.post("/api/v1/sites/", body)
    assert response.status_code == 201, response.content
    return dict(response.json())


def collection_of(person: Person, name: str, **fields: Any) -> str:
    response = person.api.post("/api/v1/collections/", {"name": name, **fields})
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def word(site: dict[str, Any], subject: str = "ann", **claims: Any) -> str:
    """What the site's server says of a visitor."""
    told = {"sub": subject, "aud": site["key"], "exp": int(time.time()) + 600, **claims}
    return jwt.encode({k: v for k, v in told.items() if v is not None}, site["secret"], algorithm="HS256")


@dataclass
class Visitor:
    """Somebody at a site, with a token once `begin` was called."""

    server: LiveServer
    key: str
    token: str | None = None

    def begin(self, visitor: str | None = None) -> Visitor:
        response = self.send("POST", "session/", json={} if visitor is None else {"visitor": visitor})
        assert response.status_code == 200, response.text
        self.token = response.json()["token"]
        return self

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Docent-Visitor": self.token} if self.token else {}
        headers |= options.pop("headers", {})
        url = f"{self.server.url}/widget/api/{self.key}/{path}"
        return httpx.request(
            method, url, headers=headers, timeout=_PATIENCE, trust_env=False, verify=NO_TLS, **options
        )

    def ask(self, question: str, **fields: Any) -> list[Event]:
        """The events of the answer."""
        response = self.send("POST", "ask/", json={"question": question, **fields})
        assert response.status_code == 200, response.text
        return list(read_events(iter(response.text.splitlines())))

    def messages(self, conversation: str) -> list[dict[str, Any]]:
        response = self.send("GET", f"conversations/{conversation}/")
        assert response.status_code == 200, response.text
        return list(response.json()["results"])

    def conversations(self) -> list[str]:
        response = self.send("GET", "conversations/")
        assert response.status_code == 200, response.text
        return [one["id"] for one in response.json()["results"]]

"""Who may do what: one row for each route and method. `test_matrix` holds it against the URL configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenants.permissions import Scope

CHAT, READ, WRITE = Scope.CHAT, Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE
FILE = {"files": ("note.txt", b"Bicycles are kept in the yard behind the mill.", "text/plain")}


@dataclass(frozen=True, slots=True)
class Row:
    """What alice, who owns what the path names, bob, a member, and dana, a viewer of her organisation, get.

    Charlie of another organisation is not listed, nor is nobody: what they get follows from the path.
    `scope` is what a token must have; requests carry `json` or `files`.
    """

    method: str
    route: str
    alice: int
    bob: int
    dana: int
    scope: Scope | None = None
    json: Mapping[str, Any] | None = None
    files: Mapping[str, Any] | None = field(default=None, repr=False)


# In this order: what deletes comes last.
API = (
    Row("GET", "me", 200, 200, 200),
    Row("GET", "collections", 200, 200, 200, READ),
    Row("POST", "collections", 201, 201, 403, WRITE, {"name": "Minutes"}),
    Row("GET", "collection", 200, 200, 200, READ),
    Row("PATCH", "collection", 200, 403, 403, WRITE, {"name": "Minutes of the board"}),
    Row("GET", "collection-stats", 200, 200, 200, READ),
    Row("GET", "documents", 200, 200, 200, READ),
    Row("POST", "documents", 202, 202, 403, WRITE, None, FILE),
    Row("GET", "document", 200, 200, 200, READ),
    Row("PATCH", "document", 200, 403, 403, WRITE, {"title": "Handbook for staff"}),
    Row("GET", "document-file", 200, 200, 200, READ),
    Row("GET", "document-chunks", 200, 200, 200, READ),
    Row("GET", "document-versions", 200, 200, 200, READ),
    Row("GET", "document-events", 200, 200, 200, READ),
    Row("GET", "document-page", 200, 200, 200, READ),
    Row("GET", "document-page-image", 200, 200, 200, READ),
    Row("POST", "document-cancel", 409, 403, 403, WRITE, {}),  # allowed, but processing is over
    Row("POST", "search", 200, 200, 200, READ, {"query": "paid holiday"}),
    Row("POST", "query", 200, 200, 200, CHAT, {"query": "How many days of paid holiday are there?"}),
    Row("GET", "conversations", 200, 200, 200, CHAT),
    Row("POST", "conversations", 201, 201, 201, CHAT, {}),
    Row("GET", "conversation", 200, 404, 404, CHAT),
    Row("PATCH", "conversation", 200, 404, 404, CHAT, {"title": "Leave"}),
    Row("GET", "messages", 200, 404, 404, CHAT),
    Row("POST", "messages", 201, 404, 404, CHAT, {"content": "How many days of paid holiday are there?"}),
    Row("GET", "message", 200, 404, 404, CHAT),
    Row("GET", "message-events", 200, 404, 404, CHAT),
    Row("POST", "message-stop", 409, 404, 404, CHAT, {}),  # allowed, but the reply is over
    Row("POST", "conversation-end", 200, 404, 404, CHAT, {}),
    Row("POST", "conversation-reopen", 200, 404, 404, CHAT, {}),
    Row("DELETE", "conversation", 204, 404, 404, CHAT),
    Row("POST", "document-reprocess", 202, 403, 403, WRITE, {}),
    Row("DELETE", "document", 204, 403, 403, WRITE),
    Row("DELETE", "collection", 204, 403, 403, WRITE),
)

PORTAL = (
    Row("GET", "chat", 200, 200, 200),
    Row("POST", "conversation-create", 201, 201, 201),
    Row("GET", "conversation", 200, 404, 404),
    Row("POST", "conversation-rename", 200, 404, 404, None, {"title": "Leave"}),
    Row("GET", "documents", 200, 200, 200),
    Row("POST", "upload", 202, 202, 403, None, None, FILE),
    Row("POST", "collection-create", 201, 201, 403, None, {"name": "Minutes"}),
    Row("GET", "passage", 200, 200, 200),
    Row("GET", "passage-data", 200, 200, 200),
    Row("GET", "page-image", 200, 200, 200),
    Row("GET", "original", 200, 200, 200),
    Row("POST", "conversation-delete", 302, 404, 404),
    Row("POST", "document-retry", 204, 403, 403),
    Row("POST", "document-delete", 204, 403, 403),
)

# Outside every organisation: what nobody in particular and a person logged in get for GET.
GLOBAL = {
    "home": (200, 200),
    "account_login": (200, 302),
    "account_logout": (302, 200),
    "account_inactive": (200, 200),
    "account_signup": (200, 302),
    "account_reauthenticate": (302, 200),
    "account_email": (302, 200),
    "account_email_verification_sent": (200, 200),
    "account_change_password": (302, 200),
    "account_set_password": (302, 302),
    "account_reset_password": (200, 200),
    "account_confirm_login_code": (302, 302),
    "account_confirm_email": (200, 200),
    "account_reset_password_from_key": (200, 200),
    "account_reset_password_from_key_done": (200, 200),
    "account_reset_password_done": (200, 200),
    "health-live": (200, 200),
    "health-ready": (200, 200),
    "schema": (200, 200),
    "api-docs": (200, 200),
}

# Sockets, by their pattern: who may enter, and of which scopes a token needs any.
SOCKETS: dict[str, tuple[set[str], frozenset[Scope]]] = {
    "o/<slug:slug>/ws/": ({"alice", "bob", "dana"}, frozenset({CHAT, READ})),
    "o/<slug:slug>/ws/conversations/<uuid:conversation>/": ({"alice"}, frozenset({CHAT})),
}

"""Four people in two organisations, and the clients they use."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cached_property
from string import ascii_lowercase, digits
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import update_last_login
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from django.urls import clear_script_prefix
from django.utils.crypto import get_random_string

from tenants.access import Access, access_by_membership
from tenants.models import User
from tenants.permissions import scopes_of_role
from tenants.services.tokens import create_token
from tenants.session_store import SessionStore


class Browser(Client):
    """A person's. Each has an address of its own, so that what one does wrong counts against no other.

    Docent's servers begin every request with the script prefix that its own path gives; so does this.
    """

    def __init__(self, **defaults: Any) -> None:
        address = ".".join(str(secrets.randbelow(254) + 1) for _ in range(3))
        super().__init__(**{"REMOTE_ADDR": f"10.{address}", **defaults})

    def enter(self, user: User) -> None:
        """Log in as `force_login` does, with one session written once in the place of two."""
        store = SessionStore()
        data = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        key = get_random_string(32, ascii_lowercase + digits)
        Session.objects.create(
            session_key=key, session_data=store.encode(data), expire_date=store.get_expiry_date()
        )
        update_last_login(User, user)
        self.cookies[settings.SESSION_COOKIE_NAME] = key

    def request(self, **request: Any) -> Any:
        clear_script_prefix()
        return super().request(**request)


class ApiClient(Client):
    """A program with a bearer token: bodies are JSON, failures of the server are answers."""

    def __init__(self, token: str) -> None:
        super().__init__(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})

    def post(self, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("content_type", "application/json")
        return super().post(*args, **kwargs)

    def patch(self, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("content_type", "application/json")
        return super().patch(*args, **kwargs)

    def upload(self, *files: tuple[str, bytes], **fields: Any) -> Any:
        """POST files, each a name and its bytes, to `/documents/`."""
        sent = [SimpleUploadedFile(name, content) for name, content in files]
        return self.post("/api/v1/documents/", {"files": sent, **fields}, content_type=MULTIPART_CONTENT)


@dataclass(eq=False)
class Person:
    """Somebody in the organisation `slug`: logged in to the portal with `client`, a program with `api`."""

    user: User
    slug: str
    token: str
    client: Browser = field(init=False)
    api: ApiClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = Browser()
        self.client.enter(self.user)
        self.api = ApiClient(self.token)

    @cached_property
    def full_token(self) -> str:
        """A token of every scope that the role has, `admin` among them."""
        scopes = scopes_of_role(self.access.role)
        return create_token(access=self.access, name="full", scopes=scopes).value

    @cached_property
    def full_api(self) -> ApiClient:
        return ApiClient(self.full_token)

    @property
    def access(self) -> Access:
        """What the person may do now, by the membership."""
        return access_by_membership(self.user, self.slug)


def person_of(user: User, slug: str) -> Person:
    """A member of an organisation, with a token of everything the role has but `admin`."""
    token = create_token(access=access_by_membership(user, slug), name="tests")
    return Person(user, slug, token.value)

"""Four people in two organisations, and the clients they use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import MULTIPART_CONTENT

from tenants.access import Access, access_by_membership
from tenants.models import User
from tenants.services.tokens import create_token


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
    client: Client = field(init=False)
    api: ApiClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client()
        self.client.force_login(self.user)
        self.api = ApiClient(self.token)

    @property
    def access(self) -> Access:
        """What the person may do now, by the membership."""
        return access_by_membership(self.user, self.slug)


def person_of(user: User, slug: str) -> Person:
    """A member of an organisation, with a token of everything the role has but `admin`."""
    token = create_token(access=access_by_membership(user, slug), name="tests")
    return Person(user, slug, token.value)

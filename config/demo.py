"""The demo organisation: what `make run` offers a person who has no account and no documents yet."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from django.conf import settings
from django.db import transaction

from config.secrets import write_private
from documents.selectors import default_collection
from documents.services.files import IncomingFile
from documents.services.uploads import UploadOptions, receive_files
from tenants.access import Carrier, access_by_membership, access_by_token, memberships_of
from tenants.addresses.links import absolute
from tenants.db import tenant_atomic
from tenants.errors import NotAuthenticated
from tenants.models import Tenant, User
from tenants.permissions import Role
from tenants.services.organisations import create_tenant
from tenants.services.tokens import create_token

_EMAIL = "demo@docent.localhost"
_NAME = "Wrenfield Museum"
_SLUG = "demo"
_DOCUMENTS = Path(__file__).parent / "demo_documents"
_FILES = (
    "visitor-services-handbook.pdf",
    "annual-review-2024.pdf",
    "lending-policy.md",
    "volunteer-newsletter.txt",
)
_SAMPLE_QUESTIONS = [
    "What do staff do when the fire alarm sounds?",
    "At what humidity is the textile store kept?",
    "How many visitors did the museum have in 2024?",
    "When is the café being rebuilt, and how many seats will it have?",
]


def ensure_demo() -> dict[str, str]:
    """Make what is missing of the demo, and say how to get in: address, email, password, token, slug.

    `DOCENT_DATA/demo.json` keeps the answer, because the database has only hashes of password and token.
    If it is lost, new ones are made: what this returns always works. The documents come with the
    organisation and only then, so one that a person deleted stays deleted.
    """
    path = settings.DOCENT_DATA / "demo.json"
    kept = _read(path)
    password = kept.get("password") or secrets.token_urlsafe(12)
    with transaction.atomic():
        owner = _ensure_owner(password)
        slug = _find_slug(owner) or _create_organisation(owner)
        token = _ensure_token(owner, slug, kept.get("token", ""))
    address = absolute(f"/o/{slug}/")
    demo = {"address": address, "email": _EMAIL, "password": password, "token": token, "slug": slug}
    if demo != kept:
        write_private(path, json.dumps(demo, indent=2) + "\n")
    return demo


def _read(path: Path) -> dict[str, str]:
    """What an earlier start wrote; empty when there is no such file or it is damaged."""
    try:
        kept = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    items = kept.items() if isinstance(kept, dict) else ()
    return {name: value for name, value in items if isinstance(value, str)}


def _ensure_owner(password: str) -> User:
    """The demo's person, who can log in with this password."""
    owner = User.objects.filter(email=_EMAIL).first()
    if owner is None:
        return User.objects.create_user(_EMAIL, password, name="Demo")
    if not owner.check_password(password):
        owner.set_password(password)
        owner.save(update_fields=["password"])
    return owner


def _find_slug(owner: User) -> str | None:
    """The organisation that this person owns; None when there is none."""
    return next((one.slug for one in memberships_of(owner) if one.role is Role.OWNER), None)


def _create_organisation(owner: User) -> str:
    """The organisation with its sample questions and documents, which a worker reads later."""
    is_free = not Tenant.objects.filter(slug=_SLUG).exists()
    tenant = create_tenant(name=_NAME, slug=_SLUG if is_free else "", owner=owner, carrier=Carrier.CLI)
    tenant.sample_questions = _SAMPLE_QUESTIONS
    tenant.save(update_fields=["sample_questions"])
    access = access_by_membership(owner, tenant.slug, carrier=Carrier.CLI)
    with tenant_atomic(tenant.id):
        collection = default_collection(access)
    for name in _FILES:
        with (_DOCUMENTS / name).open("rb") as content:
            file = IncomingFile(name, (_DOCUMENTS / name).stat().st_size, content)
            receive_files(access=access, files=[file], collection=collection, options=UploadOptions())
    return tenant.slug


def _ensure_token(owner: User, slug: str, kept: str) -> str:
    """A token of this organisation: the one kept if it still opens the door, else a new one."""
    try:
        if access_by_token(kept).tenant_slug == slug:
            return kept
    except NotAuthenticated:
        pass
    access = access_by_membership(owner, slug, carrier=Carrier.CLI)
    return create_token(access=access, name="Demo").value

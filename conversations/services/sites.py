"""Writes: web sites that show the widget, and how long what their visitors said is kept."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypedDict
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext

from conversations.default_personas import MAX_QUESTION, MAX_QUESTIONS
from conversations.models import Conversation, Message, Site, SiteCollection, Visitors
from conversations.models.sites import new_key
from conversations.selectors.life import RUNNING
from conversations.selectors.personas import require_persona
from conversations.services.conversations import remove_conversations
from conversations.services.ending import every_tenant
from documents.selectors import require_collections
from tenants.access import Access, new_secret
from tenants.audit.recording import record, record_of_platform
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound
from tenants.models import Revocation, Tenant
from tenants.permissions import Action
from tenants.revocations import announce_revocation
from tenants.vault import seal

MAX_SITES = 100
MAX_NAME, MAX_GREETING = 80, 500
MAX_ORIGINS = 20
MOST = {"visitor_hour": 1_000, "address_hour": 10_000, "site_day": 1_000_000, "retention_days": 3_650}
VISITS = "visitors' conversations"
_BATCH = 50
_COLOUR = re.compile(r"#[0-9a-f]{6}")
# White letters stand on the accent: by WCAG they need 4.5 to 1.
_LEAST_CONTRAST = 4.5


class SiteFields(TypedDict, total=False):
    """What is said of a site; what is left out stays, or is as the model has it."""

    name: str
    origins: Sequence[str]
    collections: Sequence[UUID]
    persona: str | None
    greeting: str
    sample_questions: Sequence[str]
    accent: str
    visitors: str
    visitor_hour: int
    address_hour: int
    site_day: int
    retention_days: int
    is_active: bool


def create_site(*, access: Access, fields: SiteFields) -> tuple[Site, str]:
    """Make a site; the second is its secret, told this once, empty where visitors need nobody's word."""
    access.require(Action.MANAGE_TENANT)
    given: SiteFields = {"name": "", "origins": [], "collections": [], **fields}
    with tenant_atomic(access.tenant_id):
        Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        if Site.objects.count() >= MAX_SITES:
            raise Conflict(
                gettext("There can be {max_sites} web sites. Delete one first.").format(max_sites=MAX_SITES),
                code="too_many",
            )
        site = Site()
        secret = _apply(access, site, given)
        record(access, "site.created", target_kind="site", target_id=site.id)
    return site, secret


def change_site(*, access: Access, site: Site, fields: SiteFields) -> tuple[Site, str]:
    """Change what `fields` say. The second is as in `create_site`."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        site = _locked(site)
        secret = _apply(access, site, fields)
        _announce(site, fields)
        record(access, "site.changed", target_kind="site", target_id=site.id, fields=sorted(fields))
    return site, secret


def rotate_key(*, access: Access, site: Site) -> Site:
    """Another public key: the pages that name the old one show nothing, and no visitor of theirs goes on."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        site = _locked(site)
        site.key = new_key()
        _end_sessions(site)
        site.save()
        record(access, "site.key_rotated", target_kind="site", target_id=site.id)
    return site


def rotate_secret(*, access: Access, site: Site) -> tuple[Site, str]:
    """Another secret, told this once: what the site's server has signed with the old one is void."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        site = _locked(site)
        if site.visitors != Visitors.SIGNED:
            raise Conflict("Visitors of this web site need nobody's word: there is no secret.", code="no_secret")
        secret = _seal_another(site)
        _end_sessions(site)
        site.save()
        record(access, "site.secret_rotated", target_kind="site", target_id=site.id)
    return site, secret


def delete_site(*, access: Access, site: Site) -> None:
    """Delete it, with everything that its visitors asked and were answered."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        site = _locked(site)
        held = Conversation.objects.filter(site=site).order_by("id").select_for_update()
        removed = remove_conversations(list(held.values_list("id", flat=True)))
        announce_revocation(tenant_id=access.tenant_id, token_id=site.id)
        record(
            access,
            "site.deleted",
            target_kind="site",
            target_id=site.id,
            conversations=removed[Conversation._meta.db_table],
        )
        site.delete()


def purge_visits(*, dry_run: bool = False) -> Counter[str]:
    """Delete what visitors said longer ago than their site keeps it; how many conversations."""
    total = Counter({VISITS: 0})
    for tenant_id, _ in every_tenant():
        while True:
            with tenant_atomic(tenant_id):
                count = _due().count() if dry_run else _purge_some(tenant_id)
            total[VISITS] += count
            if dry_run or count < _BATCH:
                break
    return total


def _due() -> QuerySet[Conversation]:
    running = Message.objects.filter(conversation=OuterRef("id"), status__in=RUNNING)
    due = Q(pk__in=[])
    for site, days in Site.objects.values_list("id", "retention_days"):
        due |= Q(site=site, updated_at__lt=Now() - timedelta(days=days))
    found: QuerySet[Conversation] = Conversation.objects.filter(due, ~Exists(running))
    return found


def _purge_some(tenant_id: UUID) -> int:
    due = _due().order_by("updated_at").select_for_update(skip_locked=True, of=("self",))
    some = list(due.values_list("id", flat=True)[:_BATCH])
    if some:
        remove_conversations(some)
        record_of_platform(
            None, "conversations.purged", target_kind="tenant", target_id=tenant_id, conversations=len(some)
        )
    return len(some)


def _locked(site: Site) -> Site:
    found: Site | None = Site.objects.select_for_update(no_key=True).filter(id=site.id).first()
    if found is None:
        raise NotFound("There is no such web site.")
    return found


def _announce(site: Site, fields: SiteFields) -> None:
    """What is read of it is looked at anew; what is written for it ends where nobody may ask there any more."""
    reason = Revocation.Reason.ENDED if {"visitors", "is_active"} & fields.keys() else Revocation.Reason.CHANGED
    if {"collections", "visitors", "is_active"} & fields.keys():
        announce_revocation(tenant_id=site.tenant_id, token_id=site.id, reason=reason)


def _end_sessions(site: Site) -> None:
    site.epoch += 1
    announce_revocation(tenant_id=site.tenant_id, token_id=site.id)


def _seal_another(site: Site) -> str:
    secret = new_secret()
    site.sealed_secret = seal(secret, tenant_id=site.tenant_id, purpose=secret_purpose(site))
    return secret


def rewrap_secrets(rewrap: Callable[[bytes, str], bytes]) -> None:
    """Registered with `on_keys_rotated`."""
    for site in Site.objects.exclude(sealed_secret=b"").select_for_update().order_by("id"):
        site.sealed_secret = rewrap(bytes(site.sealed_secret), secret_purpose(site))
        site.save(update_fields=["sealed_secret"])


def secret_purpose(site: Site) -> str:
    return f"site {site.id}"


def _apply(access: Access, site: Site, fields: SiteFields) -> str:
    """Write the columns and links that the fields speak of. The secret where one was made."""
    for name, value in fields.items():
        if name in _CLEANERS:
            setattr(site, name, _CLEANERS[name](value))
    if "persona" in fields:
        wanted = fields["persona"]
        site.persona = None if wanted is None else require_persona(access, wanted, pointer="/persona")
    secret = ""
    if site.visitors == Visitors.SIGNED and not site.sealed_secret:
        secret = _seal_another(site)
    if "visitors" in fields and not site._state.adding:
        site.epoch += 1
    site.updated_at = timezone.now()
    site.save()
    if "collections" in fields:
        _choose(access, site, fields["collections"])
    return secret


def _choose(access: Access, site: Site, ids: Sequence[UUID]) -> None:
    if not ids:
        raise InvalidInput.at(
            "/collections", "Choose at least one collection for its visitors to ask.", "required"
        )
    chosen = require_collections(access, ids, pointer="/collections/{}")
    SiteCollection.objects.filter(site=site).delete()
    SiteCollection.objects.bulk_create(SiteCollection(site=site, collection=one) for one in chosen)


def _text(field: str, most: int, *, is_needed: bool = False) -> Callable[[str], str]:
    def clean(value: str) -> str:
        value = " ".join(value.split())
        if "\0" in value:
            raise InvalidInput.at(f"/{field}", "Null characters are not allowed.", "null_characters_not_allowed")
        if is_needed and not value:
            raise InvalidInput.at(f"/{field}", "A web site needs a name.", "required")
        if len(value) > most:
            raise InvalidInput.at(
                f"/{field}",
                gettext("This has at most {most} characters.").format(
                    most=number_format(most, force_grouping=True)
                ),
                "max_length",
            )
        return value

    return clean


def _origins(values: Sequence[str]) -> list[str]:
    if not 0 < len(values) <= MAX_ORIGINS:
        raise InvalidInput.at(
            "/origins",
            gettext("Name 1 to {max_origins} origins that may show it.").format(max_origins=MAX_ORIGINS),
            "required",
        )
    return list(dict.fromkeys(_origin(value, place) for place, value in enumerate(values)))


def _origin(value: str, place: int) -> str:
    """As browsers name it: scheme, host and a port that is not the scheme's own; no wildcard, no path."""
    wrong = InvalidInput.at(
        f"/origins/{place}",
        "An origin reads like https://www.example.org, with nothing after the host.",
        "invalid",
    )
    try:
        parts = urlsplit(value.strip().lower())
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError) as error:
        raise wrong from error
    is_bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in {"https", "http"} or not is_bare or not re.fullmatch(r"[a-z0-9.-]{1,200}", host):
        raise wrong
    is_local = host in {"localhost", "127.0.0.1"}
    if parts.scheme == "http" and not is_local:
        raise InvalidInput.at(f"/origins/{place}", "Outside one's own machine an origin needs https.", "no_tls")
    is_usual = port is None or port == {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if is_usual else f":{port}")


def _questions(values: Sequence[str]) -> list[str]:
    questions = [" ".join(one.split()) for one in values if one.strip()]
    if len(questions) > MAX_QUESTIONS:
        raise InvalidInput.at(
            "/sample_questions",
            gettext("There can be {max_questions} sample questions.").format(max_questions=MAX_QUESTIONS),
            "max_length",
        )
    return [_text(f"sample_questions/{place}", MAX_QUESTION)(one) for place, one in enumerate(questions)]


def _accent(value: str) -> str:
    colour = value.strip().lower()
    if not _COLOUR.fullmatch(colour):
        raise InvalidInput.at("/accent", "A colour reads like #0b5c5f.", "invalid")
    if 1.05 / (_luminance(colour) + 0.05) < _LEAST_CONTRAST:
        raise InvalidInput.at(
            "/accent", "White letters cannot be read on this colour. Take a darker one.", "contrast"
        )
    return colour


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)  # noqa: PLR2004
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _visitors(value: str) -> str:
    if value not in set(Visitors):
        raise InvalidInput.at("/visitors", "Visitors are anonymous or signed.", "invalid_choice")
    return value


def _number(field: str) -> Callable[[int], int]:
    def clean(value: int) -> int:
        if not 1 <= value <= MOST[field]:
            raise InvalidInput.at(
                f"/{field}",
                gettext("This is a number from 1 to {most}.").format(
                    most=number_format(MOST[field], force_grouping=True)
                ),
                "out_of_range",
            )
        return value

    return clean


_CLEANERS: dict[str, Callable[[Any], Any]] = {
    "name": _text("name", MAX_NAME, is_needed=True),
    "origins": _origins,
    "greeting": _text("greeting", MAX_GREETING),
    "sample_questions": _questions,
    "accent": _accent,
    "visitors": _visitors,
    **{field: _number(field) for field in MOST},
    "is_active": bool,
}

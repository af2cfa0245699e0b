"""Writes: organisations."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.utils.text import slugify
from django.utils.translation import gettext

from tenants.access import Access, Carrier, access_by_membership
from tenants.audit.recording import record, record_of_platform
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.models import Canary, Membership, Tenant, User
from tenants.permissions import Action, Role
from tenants.registry import on_tenant_created
from tenants.revocations import announce_revocation

# Slugs that would read as Docent's own.
_RESERVED = frozenset({"admin", "api", "accounts", "static", "health", "mcp", "openai", "o"})

_MAX_NAME, _MAX_QUESTIONS, _MAX_QUESTION = 120, 8, 200


def create_tenant(
    *, name: str, owner: User, slug: str = "", rate_limit: int = 5, carrier: Carrier = Carrier.SESSION
) -> Tenant:
    """Create an organisation with its first owner.

    Without `slug` one is made from the name, with a suffix when it is taken; a given slug that is taken
    or malformed raises `InvalidInput`.
    """
    name = _clean_name(name)
    if slug and (_slug_of(slug) != slug or slug in _RESERVED or len(slug) > 50):  # noqa: PLR2004
        raise InvalidInput.at(
            "/slug",
            gettext("“{slug}” cannot be a slug: use a–z, 0–9 and hyphens.").format(slug=slug),
            "invalid_slug",
        )
    with transaction.atomic():
        _lock_slugs()
        if slug and Tenant.objects.filter(slug=slug).exists():
            raise InvalidInput.at("/slug", gettext("The slug “{slug}” is taken.").format(slug=slug), "taken")
        tenant = Tenant.objects.create(name=name, slug=slug or _free_slug(name), rate_limit=rate_limit)
        with tenant_atomic(tenant.id):
            Membership.objects.create(user=owner, role=Role.OWNER)
            Canary.objects.create()
            on_tenant_created.call()
            access = access_by_membership(owner, tenant.slug, carrier=carrier)
            record(access, "tenant.created", target_kind="tenant", target_id=tenant.id)
    return tenant


def change_organisation(
    *,
    access: Access,
    name: str,
    sample_questions: Sequence[str],
    admins_read_conversations: bool,
    members_may_share: bool,
) -> Tenant:
    """Change what an organisation's admins decide about it. Raises `InvalidInput`."""
    access.require(Action.MANAGE_TENANT)
    name = _clean_name(name)
    questions = [" ".join(one.split()) for one in sample_questions if one.strip()]
    if len(questions) > _MAX_QUESTIONS or any(len(one) > _MAX_QUESTION for one in questions):
        said = gettext("There can be {number} sample questions of at most {length} characters each.")
        raise InvalidInput.at("/sample_questions", said.format(number=_MAX_QUESTIONS, length=_MAX_QUESTION))
    with tenant_atomic(access.tenant_id):
        tenant = Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        wanted = {
            "name": name,
            "sample_questions": questions,
            "admins_read_conversations": admins_read_conversations,
            "members_may_share": members_may_share,
        }
        changed = sorted(field for field, value in wanted.items() if getattr(tenant, field) != value)
        for field in changed:
            setattr(tenant, field, wanted[field])
        if changed:
            tenant.save(update_fields=changed)
            record(
                access,
                "tenant.changed",
                target_kind="tenant",
                target_id=tenant.id,
                fields=changed,
                admins_read_conversations=admins_read_conversations,
                members_may_share=members_may_share,
            )
    return tenant


def disable_tenant(*, tenant: Tenant, actor: User | None = None) -> bool:
    """Let nobody in any more, close what is open and stop what is being answered; nothing is deleted.

    `actor` is the operator on `/admin/`, None on the command line. False when it was disabled already.
    """
    with tenant_atomic(tenant.id):
        if not Tenant.objects.filter(id=tenant.id, is_active=True).update(is_active=False):
            return False
        record_of_platform(actor, "tenant.disabled", target_kind="tenant", target_id=tenant.id)
        announce_revocation(tenant_id=tenant.id)
    return True


def enable_tenant(*, tenant: Tenant, actor: User | None = None) -> bool:
    """Let everybody in again. False when the organisation was not disabled."""
    with tenant_atomic(tenant.id):
        if not Tenant.objects.filter(id=tenant.id, is_active=False).update(is_active=True):
            return False
        record_of_platform(actor, "tenant.enabled", target_kind="tenant", target_id=tenant.id)
    return True


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise InvalidInput.at("/name", "An organisation needs a name.", "required")
    if len(name) > _MAX_NAME:
        raise InvalidInput.at(
            "/name",
            gettext("An organisation's name has at most {max_name} characters.").format(max_name=_MAX_NAME),
            "max_length",
        )
    return name


def _lock_slugs() -> None:
    """Until the transaction ends nobody else takes one: of two that look at once, both would find it free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('slugs', 0))")


def _slug_of(name: str) -> str:
    """What URLs take: no underscores, which `slugify` would keep."""
    return slugify(name.replace("_", "-"))


def _free_slug(name: str) -> str:
    stem = _slug_of(name)[:50] or "organisation"
    taken = set(Tenant.objects.filter(slug__startswith=stem).values_list("slug", flat=True)) | _RESERVED
    number = 1
    slug = stem
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug

"""Reads of organisations and what they keep about themselves, and the doors to it."""

from typing import TypeVar
from uuid import UUID

from django.db.models import Count, Model, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext

from tenants.access import Access
from tenants.db import tenant_atomic
from tenants.errors import NotFound, PermissionRefused
from tenants.models import (
    ApiToken,
    AuditEvent,
    AuditSeal,
    Export,
    Group,
    GroupMember,
    Invitation,
    Job,
    Logo,
    Membership,
    SignInProvider,
    Tenant,
)
from tenants.permissions import Action

M = TypeVar("M", bound=Model)


def _one(rows: QuerySet[M], detail: str) -> M:
    """The only row; missing, foreign and out of sight are the same `NotFound`."""
    found = rows.first()
    if found is None:
        raise NotFound(detail)
    return found


def get_tenant(tenant_id: UUID) -> Tenant:
    """The tenant of an access; it exists as long as its access does."""
    return Tenant.objects.get(id=tenant_id)


def find_logo(access: Access) -> bytes:
    """The organisation's logo, a WebP; empty where it has none."""
    access.require(Action.READ_SELF)
    with tenant_atomic(access.tenant_id):
        found = Logo.objects.first()
    return bytes(found.image) if found else b""


def find_public_brand(slug: str) -> tuple[str, str, bytes] | None:
    """Name, colour and logo, both of which may be empty, of an organisation that shows them to everybody."""
    tenant = Tenant.objects.filter(slug=slug, is_active=True, shows_brand_at_log_in=True).first()
    if tenant is None:
        return None
    with tenant_atomic(tenant.id):
        logo = Logo.objects.first()
    return tenant.name, tenant.accent, bytes(logo.image) if logo else b""


def list_members(access: Access) -> QuerySet[Membership]:
    """Everybody in the organisation, with their accounts: its people know each other."""
    access.require(Action.READ_SELF)
    found: QuerySet[Membership] = Membership.objects.select_related("user")
    return found


def access_member(access: Access, user_id: UUID) -> Membership:
    return _one(list_members(access).filter(user=user_id), gettext("There is no such member."))


def list_groups(access: Access) -> QuerySet[Group]:
    """Every group, with `member_total`: access to collections is given to them by name."""
    access.require(Action.READ_SELF)
    found: QuerySet[Group] = Group.objects.annotate(member_total=Count("members"))
    return found


def access_group(access: Access, group_id: UUID) -> Group:
    return _one(list_groups(access).filter(id=group_id), gettext("There is no such group."))


def list_group_members(access: Access, group: Group) -> QuerySet[Membership]:
    access.require(Action.MANAGE_MEMBERS)
    return list_members(access).filter(groups__group=group)


def list_groups_of(access: Access, membership: Membership) -> QuerySet[GroupMember]:
    """A member's places in groups, each with its `group`."""
    access.require(Action.MANAGE_MEMBERS)
    found: QuerySet[GroupMember] = GroupMember.objects.filter(membership=membership).select_related("group")
    return found


def list_invitations(access: Access) -> QuerySet[Invitation]:
    """Invitations that wait: neither accepted nor withdrawn, expired or not."""
    access.require(Action.MANAGE_MEMBERS)
    found: QuerySet[Invitation] = Invitation.objects.filter(accepted_at=None, revoked_at=None)
    return found


def access_invitation(access: Access, invitation_id: UUID) -> Invitation:
    return _one(list_invitations(access).filter(id=invitation_id), gettext("There is no such invitation."))


def list_tokens(access: Access) -> QuerySet[ApiToken]:
    """One's own tokens that are not revoked, with their person."""
    access.require(Action.READ_OWN_TOKENS)
    return _tokens().filter(user=access.user_id)


def list_tenant_tokens(access: Access) -> QuerySet[ApiToken]:
    """Everybody's."""
    access.require(Action.MANAGE_TENANT)
    return _tokens()


def access_token(access: Access, token_id: UUID) -> ApiToken:
    """One's own, or for admins anybody's."""
    visible = list_tenant_tokens if access.allows(Action.MANAGE_TENANT) else list_tokens
    return _one(visible(access).filter(id=token_id), gettext("There is no such token."))


def _tokens() -> QuerySet[ApiToken]:
    found: QuerySet[ApiToken] = ApiToken.objects.filter(revoked_at=None).select_related("user")
    return found


def find_sign_in_provider(access: Access) -> SignInProvider | None:
    """The organisation's own provider, enabled or not."""
    access.require(Action.MANAGE_TENANT)
    found: SignInProvider | None = SignInProvider.objects.first()
    return found


def access_jobs(access: Access) -> QuerySet[Job]:
    """The organisation's jobs: the one door to them, for their table holds every tenant's.

    A token that reaches some collections only is refused: jobs are of documents in all of them.
    """
    access.require(Action.MANAGE_TENANT)
    if access.collections is not None:
        raise PermissionRefused("A token that is limited to some collections has no jobs.")
    return Job.objects.filter(tenant_id=access.tenant_id)


def access_job(access: Access, job_id: UUID) -> Job:
    return _one(access_jobs(access).filter(id=job_id), gettext("There is no such job."))


def list_exports(access: Access) -> QuerySet[Export]:
    """One's own exports and, for whoever may make them, the organisation's; expired ones are gone.

    A token that reaches some collections only is refused: an export is of all that its person reaches.
    """
    access.require(Action.EXPORT_OWN)
    if access.collections is not None:
        raise PermissionRefused("A token that is limited to some collections has no exports.")
    visible = Q(subject_id=access.user_id)
    if access.allows(Action.EXPORT_TENANT):
        visible |= Q(subject_id=None)
    found: QuerySet[Export] = Export.objects.filter(visible, expires_at__gt=timezone.now())
    return found


def access_export(access: Access, export_id: UUID) -> Export:
    return _one(list_exports(access).filter(id=export_id), gettext("There is no such export."))


def list_audit(access: Access) -> QuerySet[AuditEvent]:
    """The log, each event with its `seal_number`, None until it is sealed, and `actor_email`."""
    access.require(Action.READ_AUDIT)
    numbers = AuditSeal.objects.filter(event=OuterRef("id")).values("number")
    found: QuerySet[AuditEvent] = AuditEvent.objects.annotate(seal_number=Subquery(numbers))
    return with_email(found, "actor_id")


def with_email(rows: QuerySet[M], column: str) -> QuerySet[M]:
    """Adds the e-mail address of the person whose id stands in `column`, None for who is no member (any more).

    It is called as the column is, without `_id`: `actor_email` beside `actor_id`.
    """
    people = Membership.objects.filter(user_id=OuterRef(column)).values("user__email")[:1]
    found: QuerySet[M] = rows.annotate(**{f"{column.removesuffix('_id')}_email": Subquery(people)})
    return found

"""Writes: invitations into an organisation, and what is looked up by their links."""

import hmac
import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext

from tenants.access import (
    Access,
    access_by_membership,
    decode_token_id,
    encode_token_id,
    hash_secret,
    memberships_of,
    new_secret,
)
from tenants.addresses.links import absolute, global_url
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from tenants.locales import speaking_to
from tenants.models import Invitation, Membership, User
from tenants.permissions import Role
from tenants.services.members import require_grantable

LIFE = timedelta(days=7)
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=30)
_LINK = re.compile(r"([0-9A-Za-z]{43})_([0-9A-Za-z_-]{43})")


class Standing(StrEnum):
    """How a person who is logged in stands to an invitation."""

    READY = "ready"
    UNVERIFIED = "unverified"
    ANOTHER = "another"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation at a moment when the secret of its link is known. `url` is absolute."""

    invitation: Invitation
    url: str = field(repr=False)


def create_invitation(*, access: Access, email: str, role: Role, expires_in: timedelta = LIFE) -> NewInvitation:
    """Invite an address and send it the link. It says nothing of whether that address has an account.

    Raises `InvalidInput` for a wrong address, a member's, one that is invited already, or an expiry out of
    bounds; `PermissionRefused` for a role above one's own.
    """
    require_grantable(access, role)
    email = _clean_email(email)
    if not SHORTEST <= expires_in <= LONGEST:
        raise InvalidInput.at(
            "/expires_in_days", "An invitation lives for an hour at least and 30 days at most.", "out_of_range"
        )
    with tenant_atomic(access.tenant_id):
        if Membership.objects.filter(user__email=email).exists():
            raise InvalidInput.at("/email", gettext("{email} is a member already.").format(email=email), "taken")
        now = timezone.now()
        # An expired one holds the address's only place among the open ones.
        Invitation.objects.filter(email=email, accepted_at=None, revoked_at=None, expires_at__lte=now).update(
            revoked_at=now
        )
        invitation = Invitation(email=email, role=role, invited_by_id=access.user_id, expires_at=now + expires_in)
        try:
            with transaction.atomic():
                made = _renewed(access, invitation)
        except IntegrityError as error:
            raise InvalidInput.at(
                "/email",
                gettext("{email} is invited already; the invitation can be sent again.").format(email=email),
                "already_invited",
            ) from error
        record(access, "invitation.created", target_kind="invitation", target_id=invitation.id, role=role)
    return made


def resend_invitation(*, access: Access, invitation: Invitation) -> NewInvitation:
    """Send a new link that lives for `LIFE`; the old one is dead. Raises `Conflict` when it is closed."""
    with tenant_atomic(access.tenant_id):
        invitation = _locked(access, invitation)
        invitation.expires_at = timezone.now() + LIFE
        made = _renewed(access, invitation)
        record(access, "invitation.resent", target_kind="invitation", target_id=invitation.id)
    return made


def withdraw_invitation(*, access: Access, invitation: Invitation) -> None:
    """Make the link worthless. Raises `Conflict` when it is closed."""
    with tenant_atomic(access.tenant_id):
        invitation = _locked(access, invitation)
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
        record(access, "invitation.withdrawn", target_kind="invitation", target_id=invitation.id)


def find_invitation(raw: str) -> Invitation | None:
    """The open invitation that a link's text names, with its `tenant`; None for every other text alike."""
    ids = _parsed(raw)
    if ids is None:
        return None
    with tenant_atomic(ids[0]):
        return _find_open(raw)


def standing_of(user: User, invitation: Invitation) -> Standing:
    """Whether the person may accept: they must have verified the invited address, and not be a member."""
    if invitation.tenant.slug in {one.slug for one in memberships_of(user)}:
        return Standing.MEMBER
    address = EmailAddress.objects.filter(user=user, email=invitation.email).first()
    if address is not None:
        return Standing.READY if address.verified else Standing.UNVERIFIED
    return Standing.UNVERIFIED if user.email == invitation.email else Standing.ANOTHER


def accept_invitation(*, raw: str, user: User, address: str | None = None) -> Access:
    """Make the person a member and use the invitation up. `address` is the client's.

    Raises `NotFound` for a link that is no longer good, `PermissionRefused` for whoever has not verified
    the invited e-mail address, `Conflict` for somebody who is a member already.
    """
    gone = NotFound("This invitation is not valid any more.")
    ids = _parsed(raw)
    if ids is None:
        raise gone
    with tenant_atomic(ids[0]):
        invitation = _find_open(raw, is_locked=True)
        if invitation is None:
            raise gone
        if not EmailAddress.objects.filter(user=user, email=invitation.email, verified=True).exists():
            raise PermissionRefused("The invited e-mail address is not verified as yours.")
        _, is_new = Membership.objects.get_or_create(user=user, defaults={"role": invitation.role})
        if not is_new:
            raise Conflict("You are a member of this organisation already.", code="member_already")
        invitation.accepted_at, invitation.accepted_by_id = timezone.now(), user.pk
        invitation.save(update_fields=["accepted_at", "accepted_by_id"])
        access = access_by_membership(user, invitation.tenant.slug, address=address)
        record(
            access,
            "invitation.accepted",
            target_kind="invitation",
            target_id=invitation.id,
            role=invitation.role,
        )
    return access


def _parsed(raw: str) -> tuple[UUID, UUID, bytes] | None:
    """Tenant, row and hashed secret."""
    match = _LINK.fullmatch(raw)
    ids = decode_token_id(match[1]) if match else None
    return None if match is None or ids is None else (*ids, hash_secret(match[2]))


def _find_open(raw: str, *, is_locked: bool = False) -> Invitation | None:
    """Inside the context of the tenant that the link names."""
    parsed = _parsed(raw)
    assert parsed is not None
    rows = Invitation.objects.select_for_update(of=("self",)) if is_locked else Invitation.objects
    found: Invitation | None = (
        rows.select_related("tenant")
        .filter(id=parsed[1], accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())
        .filter(tenant__is_active=True)
        .first()
    )
    # Compared even when there is none, so that a miss costs what a hit does.
    stored = bytes(found.secret_sha256) if found else bytes(32)
    return found if hmac.compare_digest(stored, parsed[2]) else None


def _locked(access: Access, invitation: Invitation) -> Invitation:
    """The row as it is now, to be changed by somebody who could have made it."""
    found: Invitation | None = Invitation.objects.select_for_update().filter(id=invitation.id).first()
    if found is None or found.accepted_at or found.revoked_at:
        raise Conflict("The invitation was accepted or withdrawn.", code="invitation_closed")
    require_grantable(access, Role(found.role))
    return found


def _renewed(access: Access, invitation: Invitation) -> NewInvitation:
    """Save it with a new secret, and send the link once that is committed."""
    secret = new_secret()
    invitation.secret_sha256 = hash_secret(secret)
    invitation.save()
    raw = f"{encode_token_id(access.tenant_id, invitation.id)}_{secret}"
    made = NewInvitation(invitation, absolute(global_url("invitation", raw)))
    # Robust: a mail server that is away must not undo what is committed; the link can be handed on by hand.
    # Not a `partial`: Django names in its log what failed, and a partial has no name of its own.
    transaction.on_commit(lambda: _send(access, made), robust=True)
    return made


def _send(access: Access, made: NewInvitation) -> None:
    context = {"access": access, "invitation": made.invitation, "url": made.url}
    # Whoever has no account yet is written to in the language of who invites them.
    with speaking_to(User.objects.filter(email=made.invitation.email).first()):
        subject = render_to_string("invitations/email_subject.txt", context)
        body = render_to_string("invitations/email.txt", context)
    send_mail(" ".join(subject.split()), body, None, [made.invitation.email])


def _clean_email(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput.at("/email", "This is not an e-mail address.", "invalid") from error
    if len(email) > 254:  # noqa: PLR2004
        raise InvalidInput.at("/email", "An e-mail address has at most 254 characters.", "max_length")
    return email

"""Writes: people's own accounts."""

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.db import transaction

from tenants.addresses.links import global_url
from tenants.audit.recording import record_of_platform
from tenants.db import person_atomic, tenant_atomic
from tenants.models import Membership, Revocation, User
from tenants.revocations import announce_revocation


def password_link(user: User) -> str:
    """The path of a page where a person sets a password; good once, for an hour."""
    key = default_token_generator.make_token(user)
    return global_url("account_reset_password_from_key", user_pk_to_url_str(user), key)


def promote_to_platform_admin(*, email: str) -> tuple[User, bool]:
    """Make the person with this address, new ones too, an administrator of the installation.

    The operator vouches for the address. Where nobody had verified it, whoever chose the present password need
    not be its owner: the password goes. Also returns whether a password must be set.
    """
    email = email.strip().lower()
    with transaction.atomic():
        user = User.objects.filter(email=email).first() or User.objects.create_user(email)
        user.is_staff = user.is_superuser = True
        address, _ = EmailAddress.objects.get_or_create(user=user, email=email, defaults={"primary": True})
        if not address.verified:
            user.set_unusable_password()
            address.verified = address.primary = True
            address.save(update_fields=["verified", "primary"])
            announce_revocation(user_id=user.pk, reason=Revocation.Reason.CHANGED)
        user.save(update_fields=["is_staff", "is_superuser", "password"])
    return user, not user.has_usable_password()


def deactivate_user(*, user: User, actor: User | None = None) -> bool:
    """Let a person in nowhere any more and close what they have open; nothing is deleted.

    `actor` is the operator on `/admin/`, None on the command line. False when it was so already.
    """
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
            return False
        announce_revocation(user_id=user.pk)
        _record_everywhere(actor, "member.deactivated", user)
    return True


def reactivate_user(*, user: User, actor: User | None = None) -> bool:
    """Let a person in again. False when they were not deactivated."""
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            return False
        _record_everywhere(actor, "member.reactivated", user)
    return True


def _record_everywhere(actor: User | None, action: str, user: User) -> None:
    """In the log of each organisation that the person belongs to."""
    with person_atomic(user.pk):
        tenant_ids = list(Membership.of_person().values_list("tenant_id", flat=True))
    for tenant_id in tenant_ids:
        with tenant_atomic(tenant_id):
            record_of_platform(actor, action, target_kind="user", target_id=user.pk)

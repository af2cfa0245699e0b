"""What a session says about its person, beyond who they are."""

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest

from tenants.access import Access, access_by_membership
from tenants.errors import NotAuthenticated
from tenants.models import Invitation, User
from tenants.services.invitations import find_invitation


def organisation_of(request: HttpRequest) -> str | None:
    """The slug of the only organisation that this session reaches; None when it reaches all of its person's.

    Whoever logs in through an organisation's own provider is known by that organisation's word alone. The word
    counts there and nowhere else: not in the person's other organisations, and not for the account itself,
    until the person's own password has been given in the same session.
    """
    if not isinstance(request.user, User):
        return None
    records = get_authentication_records(request, request.user)
    if any(record["method"] == "password" for record in records):
        return None
    return next((record["provider"] for record in records if record["method"] == "socialaccount"), None)


def access_of_session(request: HttpRequest, slug: str, *, address: str | None) -> Access:
    """The person of this session in the organisation that a URL names.

    Raises `NotAuthenticated`, and `NotFound` alike for organisations that are missing, foreign, or out of
    this session's reach.
    """
    if not isinstance(request.user, User):
        raise NotAuthenticated
    is_reachable = organisation_of(request) in {None, slug}
    return access_by_membership(request.user, slug if is_reachable else "", address=address)


def invitation_of(request: HttpRequest) -> Invitation | None:
    """The open invitation whose link was opened in this session."""
    raw = request.session.get("invitation")
    return find_invitation(raw) if raw else None

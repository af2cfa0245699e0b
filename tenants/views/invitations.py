"""The page behind an invitation's link. It stands outside every organisation: its reader is in none of it yet."""

from http import HTTPStatus

from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants.addresses.client_address import address_of
from tenants.addresses.links import global_url, tenant_url
from tenants.errors import Conflict, NotFound, PermissionRefused
from tenants.models import Invitation, User
from tenants.services.invitations import Standing, accept_invitation, find_invitation, standing_of

_SESSION_KEY = "invitation"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, raw: str) -> HttpResponse:
    """Who invites whom, and what is still to be done; POST accepts."""
    found = find_invitation(raw)
    if found is None:
        return _gone(request)
    if not isinstance(request.user, User):
        # Log-in and sign-up lead back here, and an invited person may sign up where others may not.
        request.session[_SESSION_KEY] = raw
        return _page(request, raw, found, None)
    standing = standing_of(request.user, found)
    if request.method != "POST" or standing is not Standing.READY:
        return _page(request, raw, found, standing)
    try:
        access = accept_invitation(raw=raw, user=request.user, address=address_of(request))
    except (Conflict, NotFound, PermissionRefused):
        # Something changed since that was asked: the page as it is now says what.
        return redirect(global_url("invitation", raw))
    request.session.pop(_SESSION_KEY, None)
    messages.success(request, _("Welcome to {name}.").format(name=access.tenant_name))
    return redirect(tenant_url(access.tenant_slug, "chat"))


@require_POST
def verify(request: HttpRequest, raw: str) -> HttpResponse:
    """Send the message by which the person verifies the invited address; they come back here from it."""
    found, user = find_invitation(raw), request.user
    if found is None:
        return _gone(request)
    if isinstance(user, User) and standing_of(user, found) is Standing.UNVERIFIED:
        request.session[_SESSION_KEY] = raw
        address, _is_new = EmailAddress.objects.get_or_create(user=user, email=found.email)
        if ratelimit.consume(request, action="confirm_email", key=found.email):
            address.send_confirmation(request)
        messages.success(request, _("We have sent a message to {email}.").format(email=found.email))
    return redirect(global_url("invitation", raw))


def _page(request: HttpRequest, raw: str, found: Invitation, standing: Standing | None) -> HttpResponse:
    here = global_url("invitation", raw)
    context = {
        "invitation": found,
        "standing": standing,
        "here": here,
        "verify_url": global_url("invitation-verify", raw),
        "organisation_url": tenant_url(found.tenant.slug, "chat"),
    }
    return render(request, "invitations/invitation.html", context)


def _gone(request: HttpRequest) -> HttpResponse:
    """One page for every link that opens nothing, whatever the reason; it names no organisation."""
    request.session.pop(_SESSION_KEY, None)
    return render(request, "invitations/gone.html", status=HTTPStatus.NOT_FOUND)

"""Pages about one's own account that allauth has not, or has otherwise."""

from http import HTTPStatus

from allauth.account.decorators import reauthentication_required
from allauth.account.views import email as allauth_email
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.adapter import get_adapter as get_sessions_adapter
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tenants.context_processors import list_memberships
from tenants.errors import Conflict
from tenants.models import User
from tenants.services.erasure import erase_person_everywhere


@require_http_methods(["GET", "HEAD", "POST"])
def email(request: HttpRequest) -> HttpResponseBase:
    """allauth's, without its way to log in with an address that was never verified."""
    if "action_primary" in request.POST:
        raise BadRequest(_("An address is changed by verifying another."))
    response: HttpResponseBase = allauth_email(request)
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is logged in. POST ends the session `session`, or without one all but this."""
    if request.method != "POST":
        return render(request, "usersessions/usersession_list.html", {"sessions": _sessions_of(request)})
    chosen = request.POST.get("session")
    others = [one for one in _sessions_of(request) if not one.is_current()]
    ended = [one for one in others if chosen is None or str(one.pk) == chosen]
    if chosen is not None and not ended:
        raise Http404(_("There is no such session."))
    get_sessions_adapter().end_sessions(ended)
    messages.success(request, _("Logged out there."))
    return redirect("usersessions_list")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def connections(request: HttpRequest) -> HttpResponse:
    """Organisations through whose provider one logs in. POST forgets the one of `account`."""
    accounts = list(SocialAccount.objects.filter(user=_user(request)).order_by("date_joined"))
    if request.method != "POST":
        return render(request, "socialaccount/connections.html", {"accounts": accounts})
    response: HttpResponse = _disconnect(request, accounts)
    return response


@reauthentication_required  # type: ignore[untyped-decorator]
def _disconnect(request: HttpRequest, accounts: list[SocialAccount]) -> HttpResponse:
    chosen = [one for one in accounts if str(one.pk) == request.POST.get("account")]
    if not chosen:
        raise Http404(_("There is no such connection."))
    chosen[0].delete()
    messages.success(request, _("Disconnected."))
    return redirect("socialaccount_connections")


@require_safe
def login_cancelled(request: HttpRequest) -> HttpResponse:
    """Where allauth leads whoever turned back at an organisation's provider."""
    return render(request, "socialaccount/login_cancelled.html")


@login_required
@reauthentication_required  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    """Say what goes, and on POST erase the person everywhere."""
    refusal = ""
    if request.method == "POST":
        try:
            erase_person_everywhere(_user(request))
        except Conflict as error:
            refusal = error.detail
        else:
            request.session.flush()
            request.user = AnonymousUser()
            messages.success(request, _("Your account has been deleted."))
            return redirect("home")
    context = {"memberships": list_memberships(request), "refusal": refusal}
    return render(
        request, "account/delete.html", context, status=HTTPStatus.CONFLICT if refusal else HTTPStatus.OK
    )


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _sessions_of(request: HttpRequest) -> list[UserSession]:
    """This one's person's, the latest first; sessions that ended by themselves are forgotten on the way."""
    found = UserSession.objects.purge_and_list(_user(request))
    return sorted(found, key=lambda one: one.last_seen_at, reverse=True)

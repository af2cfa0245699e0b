"""Logging in through an organisation's own provider, and the page where its administrators set it."""

from http import HTTPStatus
from typing import Any

from allauth.core.ratelimit import consume_or_429
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2LoginView
from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from tenants.access import Access
from tenants.errors import InvalidInput
from tenants.models import SignInProvider
from tenants.permissions import Action
from tenants.selectors import find_sign_in_provider
from tenants.services.signin import ROLES, remove_sign_in, set_sign_in
from tenants.signin.openid_connect import OpenIdAdapter, OpenIdCallback, callback_url
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

_PAGE = "settings-sign-in"


@require_GET
def begin(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the person to the provider of the organisation `slug`."""
    return _flow(request, slug, OAuth2LoginView)


@require_GET
def callback(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Where the provider sends the person back to."""
    return _flow(request, slug, OpenIdCallback)


def _flow(request: HttpRequest, slug: str, view: Any) -> HttpResponseBase:
    too_many: HttpResponse | None = consume_or_429(request, action="login")
    if too_many is not None:
        return too_many
    try:
        response: HttpResponseBase = view.adapter_view(OpenIdAdapter(request, slug))(request)
    except SocialApp.DoesNotExist as error:
        raise Http404(_("There is no such way to log in.")) from error
    except IntegrityError:
        # Of two log-ins of a new person at the same moment one makes the account.
        context = {"reason": _("You logged in twice at the same moment. Try again.")}
        return render(request, "socialaccount/refused.html", context, status=HTTPStatus.CONFLICT)
    return response


class SignInForm(forms.Form):
    """What the service checks is said beside the field it is about."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("On the button: “Log in with …”."))
    issuer = forms.CharField(label=_("Issuer"), max_length=200, widget=forms.URLInput)
    client_id = forms.CharField(label=_("Client id"), max_length=200)
    secret = forms.CharField(
        label=_("Client secret"), required=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )
    domains = forms.CharField(
        label=_("E-mail domains"), help_text=_("Whose addresses may log in, separated by spaces or commas.")
    )
    role = forms.ChoiceField(
        label=_("Role of new members"), choices=[(role.value, _(role.value)) for role in ROLES]
    )
    is_enabled = forms.BooleanField(label=_("Members can log in with it"), required=False)

    @classmethod
    def of(cls, provider: SignInProvider | None) -> "SignInForm":
        if provider is None:
            return cls(initial={"is_enabled": True})
        shown = ("name", "issuer", "client_id", "role", "is_enabled")
        initial = {name: getattr(provider, name) for name in shown}
        return cls(initial={**initial, "domains": ", ".join(provider.domains)})


@require_http_methods(["GET", "HEAD", "POST"])
@portal_view(Action.MANAGE_TENANT)
def sign_in_settings(request: HttpRequest, access: Access) -> HttpResponse:
    """The organisation's provider: shown without its secret, and set."""
    provider = find_sign_in_provider(access)
    form = SignInForm.of(provider)
    if request.method == "POST":
        form = SignInForm(request.POST)
        if form.is_valid() and _is_set(access, form):
            messages.success(request, _("Saved."))
            return redirect(f"portal:{_PAGE}")
    context = {"form": form, "provider": provider, "callback_url": callback_url(access.tenant_slug)}
    return render_settings(
        request, access, _PAGE, "settings/sign_in.html", context, status=400 if form.errors else 200
    )


def _is_set(access: Access, form: SignInForm) -> bool:
    """Whether the service took it; what it refuses stands in the form afterwards."""
    given = dict(form.cleaned_data)
    given["domains"] = given["domains"].replace(",", " ").split()
    try:
        set_sign_in(access=access, **given)
    except InvalidInput as error:
        for one in error.errors:
            form.add_error(one.pointer.split("/")[1], one.detail)
        return False
    return True


@settings_form(Action.MANAGE_TENANT, page=_PAGE)
def sign_in_delete(request: HttpRequest, access: Access) -> None:
    """Forget the provider."""
    remove_sign_in(access=access)
    messages.success(request, _("Removed."))

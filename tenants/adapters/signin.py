"""Logging in through an organisation's own provider: whose word counts for whom."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render
from django.utils.translation import gettext as _

from tenants.addresses.client_address import address_of
from tenants.addresses.outbound_requests import PublicSession
from tenants.models import User
from tenants.services.signin import SignIn, find_sign_in, is_member_of, join_by_sign_in

_MAX_EMAIL = 254  # what a `User` takes


class SignInAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """An application for each organisation that has a provider; none stands in allauth's own table."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """`provider` is a slug; without one nothing is listed, for that would name organisations."""
        sign_in = find_sign_in(provider) if provider else None
        return [] if sign_in is None else [_app_of(sign_in)]

    def get_requests_session(self) -> PublicSession:
        return PublicSession(
            seconds=settings.SOCIALACCOUNT_REQUESTS_TIMEOUT, private_hosts=settings.DOCENT_OIDC_PRIVATE_HOSTS
        )

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Whoever got this far belongs to the organisation by its own word."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in whom the organisation's word covers; refuse everybody else with the reason."""
        sign_in = find_sign_in(sociallogin.account.provider)
        if sign_in is None or sociallogin.state.get("process") != AuthProcess.LOGIN:
            raise _refusal(request, _("This way to log in is closed."))
        claims = sociallogin.account.extra_data["id_token"]
        email = claims.get("email", "").lower()
        if not _is_email(email) or claims.get("email_verified") is not True:
            raise _refusal(request, _("The provider does not say that your e-mail address is verified."))
        if not sign_in.covers(email):
            raise _refusal(request, _("Your e-mail address is not one of those that may log in here."))
        if sociallogin.is_existing:
            self._require_place(request, sign_in, sociallogin.user)
        else:
            self._connect_known(request, sign_in, sociallogin, email)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """A new person, a member from the first moment on, without a password: the reset link sets one."""
        sign_in = find_sign_in(sociallogin.account.provider)
        assert sign_in is not None
        sociallogin.user.email = sociallogin.user.email.lower()
        sociallogin.user.name = str(sociallogin.account.extra_data["id_token"].get("name", ""))[:150]
        with transaction.atomic():
            user: User = super().save_user(request, sociallogin, form)
            join_by_sign_in(sign_in=sign_in, user=user, address=address_of(request))
        return user

    def _require_place(self, request: HttpRequest, sign_in: SignIn, user: User) -> None:
        """Whoever was removed does not come back by the way they came in."""
        if not is_member_of(sign_in, user):
            raise _refusal(
                request,
                _("You are not a member any more. Ask an administrator of the organisation for an invitation."),
            )

    def _connect_known(self, request: HttpRequest, sign_in: SignIn, sociallogin: SocialLogin, email: str) -> None:
        """An account with this address is this person's only if Docent itself has verified the address."""
        address = EmailAddress.objects.filter(email=email, verified=True).select_related("user").first()
        if address is None:
            if User.objects.filter(email=email).exists():
                raise _refusal(
                    request,
                    _(
                        "There is an account with your e-mail address already, and the address has not been "
                        "verified. Log in with your password, verify the address under “E-mail”, come back."
                    ),
                )
            # Nobody's yet, whoever has begun to change theirs to it: allauth would ask for another.
            sociallogin.email_addresses = []
            return
        if not address.user.is_active:
            raise _refusal(request, _("This account has been deactivated."))
        with transaction.atomic():
            sociallogin.connect(request, address.user)
            join_by_sign_in(sign_in=sign_in, user=address.user, address=address_of(request))


def _app_of(sign_in: SignIn) -> SocialApp:
    """For one request; never saved."""
    return SocialApp(
        provider="openid_connect",
        provider_id=sign_in.slug,
        name=sign_in.name,
        client_id=sign_in.client_id,
        secret=sign_in.secret,
        settings={
            "server_url": sign_in.issuer,
            "tenant_id": str(sign_in.tenant_id),
            "oauth_pkce_enabled": True,
            "fetch_userinfo": False,
        },
    )


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= _MAX_EMAIL


def _refusal(request: HttpRequest, reason: str) -> ImmediateHttpResponse:
    return ImmediateHttpResponse(render(request, "socialaccount/refused.html", {"reason": reason}, status=403))

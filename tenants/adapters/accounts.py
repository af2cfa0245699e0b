"""Accounts: who may sign up, where people go next, what is mailed to them."""

import logging
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest

from tenants.access import memberships_of
from tenants.addresses.links import absolute, global_url, tenant_url
from tenants.locales import speaking_to
from tenants.models import User
from tenants.signin.sessions import invitation_of, organisation_of

_log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Open to everybody by the operator's choice; to whoever was invited, always."""
        return settings.DOCENT_SIGNUP == "open" or invitation_of(request) is not None

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Back to the invitation one came with; else into the only organisation, or to the choice of one."""
        assert isinstance(request.user, User)
        if invitation_of(request) is not None:
            return global_url("invitation", request.session["invitation"])
        slugs = [one.slug for one in memberships_of(request.user)]
        bound_to = organisation_of(request)
        if bound_to in slugs:
            return tenant_url(bound_to, "chat")
        return tenant_url(slugs[0], "chat") if len(slugs) == 1 else global_url("home")

    get_signup_redirect_url = get_login_redirect_url

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is away must not undo or reveal what the person did: they can ask again."""
        site = {"name": "Docent", "domain": urlsplit(settings.DOCENT_PUBLIC_URL).netloc}
        try:
            with speaking_to(User.objects.filter(email=email).first()):
                super().send_mail(template_prefix, email, {"current_site": site, **context})
        except OSError as error:  # smtplib's errors too
            _log.warning("Mail %s could not be sent: %s", template_prefix, type(error).__name__)

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """Any but the one that the person logs in with."""
        return bool(email_address.email != email_address.user.email)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """False where another account took the address for its log-in before this one verified it."""
        if User.objects.filter(email=email_address.email).exclude(pk=email_address.user_id).exists():
            template = "account/messages/email_confirmation_failed.txt"
            self.add_message(request, messages.ERROR, template, {"email": email_address.email})
            return False
        is_confirmed: bool = super().confirm_email(request, email_address)
        return is_confirmed

    # Links in mail stand on DOCENT_PUBLIC_URL: the Host header of whoever asked for the mail is theirs to choose.

    def get_reset_password_from_key_url(self, key: str) -> str:
        person, _, secret = key.partition("-")
        return absolute(global_url("account_reset_password_from_key", person, secret))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return absolute(global_url("account_confirm_email", emailconfirmation.key))

    def send_account_already_exists_mail(self, email: str) -> None:
        links = {
            "signup_url": absolute(global_url("account_signup")),
            "password_reset_url": absolute(global_url("account_reset_password")),
        }
        self.send_mail("account/email/account_already_exists", email, links)

"""Signing up, changing the address that one logs in with, and proving who one is with a key."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import AddEmailForm as AllauthAddEmailForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core import context, ratelimit
from allauth.mfa.adapter import get_adapter as get_second_factor_adapter
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from tenants.models import User
from tenants.services.organisations import create_tenant
from tenants.signin.sessions import invitation_of


class SignupForm(AllauthSignupForm):  # type: ignore[misc]
    """Creates a person and, unless somebody invited them to theirs, an organisation, in one step.

    `invitation` is the one that the person came with, if any: its e-mail address is theirs.
    """

    organisation = forms.CharField(label=_("Organisation"), max_length=120)
    field_order = ["organisation", "email", "password1"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The whole list of rules is for whoever has broken one: the refusal says which.
        self.fields["password1"].help_text = _(
            "At least 10 characters: a few words are easier to keep than signs."
        )
        self.invitation = invitation_of(context.request)
        if self.invitation is not None:
            del self.fields["organisation"]
            self.fields["email"].disabled = True
            self.initial["email"] = self.invitation.email

    def validate_unique_email(self, value: str) -> str:
        """A taken address is told to nobody but its owner, by mail. Only verified addresses and log-ins count."""
        self.account_already_exists = (
            User.objects.filter(email=value).exists()
            or EmailAddress.objects.filter(email=value, verified=True).exists()
        )
        return value

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponseBase | None]:
        if not self.account_already_exists:
            try:
                return self.save(request), None
            except IntegrityError:  # somebody signed up with this address at the same moment
                self.account_already_exists = True
        email, adapter = self.cleaned_data["email"], get_adapter(request)
        if ratelimit.consume(request, action="confirm_email", key=email):
            adapter.send_account_already_exists_mail(email)
        return None, adapter.respond_email_verification_sent(request, None)

    def save(self, request: HttpRequest) -> User:
        with transaction.atomic():
            user: User = super().save(request)
            if self.invitation is None:
                create_tenant(name=self.cleaned_data["organisation"], owner=user)
        return user

    def clean_organisation(self) -> Any:
        name = self.cleaned_data["organisation"].strip()
        if not name:
            raise forms.ValidationError(_("An organisation needs a name."))
        return name


class AddEmailForm(AllauthAddEmailForm):  # type: ignore[misc]
    """Another address to log in with, from when it is verified.

    allauth's own takes a log-in address that was never verified for a change under way, and removes it.
    """

    def save(self, request: HttpRequest) -> EmailAddress:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get(pk=self.user.pk)  # of two at once, one after the other
            under_way = EmailAddress.objects.filter(user=self.user, verified=False).exclude(email=self.user.email)
            under_way.delete()
            address: EmailAddress = EmailAddress.objects.create(user=self.user, email=self.cleaned_data["email"])
        send_verification_email_to_address(request, address)
        return address


class KeyField(forms.JSONField):
    """What a browser says for a key. allauth and fido2 expect a browser's; what is none fails in many ways."""

    def __init__(self, said: type[AuthenticationResponse | RegistrationResponse]) -> None:
        super().__init__(widget=forms.HiddenInput)
        self._said = said

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        try:
            self._said.from_dict(found)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise get_second_factor_adapter().validation_error("incorrect_code") from error
        return found


class AddKeyForm(AddWebAuthnForm):  # type: ignore[misc]
    credential = KeyField(RegistrationResponse)


class AuthenticateKeyForm(AuthenticateWebAuthnForm):  # type: ignore[misc]
    credential = KeyField(AuthenticationResponse)


class LoginKeyForm(LoginWebAuthnForm):  # type: ignore[misc]
    credential = KeyField(AuthenticationResponse)


class ReauthenticateKeyForm(ReauthenticateWebAuthnForm):  # type: ignore[misc]
    credential = KeyField(AuthenticationResponse)

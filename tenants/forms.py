"""Signing up creates a person and their organisation in one step."""

from typing import Any

from allauth.account.forms import SignupForm as AllauthSignupForm
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tenants.models import User
from tenants.services.organisations import create_tenant


class SignupForm(AllauthSignupForm):  # type: ignore[misc]
    organisation = forms.CharField(label=_("Organisation"), max_length=120)
    field_order = ["organisation", "email", "password1"]

    def save(self, request: HttpRequest) -> User:
        with transaction.atomic():
            user: User = super().save(request)
            create_tenant(name=self.cleaned_data["organisation"], owner=user)
        return user

    def clean_organisation(self) -> Any:
        name = self.cleaned_data["organisation"].strip()
        if not name:
            raise forms.ValidationError(_("An organisation needs a name."))
        return name

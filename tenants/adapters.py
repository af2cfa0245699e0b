"""Where allauth sends people."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from tenants.access import memberships_of
from tenants.links import global_url, tenant_url
from tenants.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Into the only organisation, or to the choice between several."""
        assert isinstance(request.user, User)
        memberships = memberships_of(request.user)
        if len(memberships) == 1:
            return tenant_url(memberships[0].slug, "chat")
        return global_url("home")

    get_signup_redirect_url = get_login_redirect_url

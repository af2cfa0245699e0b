"""Pages and APIs outside every organisation's portal."""

from django.urls import URLPattern, URLResolver, include, path

from config.health import live, ready
from tenants.views import account, branding, signin
from tenants.views.home import home, new_organisation
from tenants.views.invitations import invitation, verify

pages: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("organisations/new/", new_organisation, name="new-organisation"),
    path("invitations/<str:raw>/", invitation, name="invitation"),
    path("invitations/<str:raw>/verify/", verify, name="invitation-verify"),
    path("accounts/email/", account.email, name="account_email"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", account.sessions, name="usersessions_list"),
    path("accounts/delete/", account.delete, name="account_delete"),
    path("accounts/connections/", account.connections, name="socialaccount_connections"),
    path("accounts/oidc/<slug:slug>/login/", signin.begin, name="openid_connect_login"),
    path("accounts/oidc/<slug:slug>/login/callback/", signin.callback, name="openid_connect_callback"),
    path("accounts/oidc/cancelled/", account.login_cancelled, name="socialaccount_login_cancelled"),
    path("accents/<str:colour>.css", branding.stylesheet, name="accent"),
    path("health/live", live, name="health-live"),
    path("health/ready", ready, name="health-ready"),
]
urlpatterns = [
    *pages,
    path("api/", include("config.api_urls")),
    path("openai/v1/", include("conversations.openai_api.urls")),
    path("widget/", include("conversations.widget.urls")),
]
handler400 = "tenants.web.middleware.malformed"
handler404 = "tenants.web.middleware.not_found"
handler500 = "tenants.web.middleware.failed"

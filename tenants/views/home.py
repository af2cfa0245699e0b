"""Pages outside every organisation."""

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from tenants.addresses.links import tenant_url
from tenants.context_processors import list_memberships
from tenants.errors import InvalidInput
from tenants.models import User
from tenants.services.organisations import create_tenant
from tenants.web.portal_views import require_text


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Landing page; for whoever is logged in, the choice of organisation."""
    if isinstance(request.user, User):
        return render(request, "choose_organisation.html", {"memberships": list_memberships(request)})
    return render(request, "home.html")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_organisation(request: HttpRequest) -> HttpResponse:
    """A further organisation for whoever has an account already, where anybody may sign up."""
    if settings.DOCENT_SIGNUP != "open":
        raise PermissionDenied
    if request.method != "POST":
        return render(request, "new_organisation.html")
    assert isinstance(request.user, User)
    name = request.POST.get("name", "")
    try:
        require_text(request)
        tenant = create_tenant(name=name, owner=request.user)
    except InvalidInput as error:
        context = {"name": name, "error": error.detail}
        return render(request, "new_organisation.html", context, status=HTTPStatus.BAD_REQUEST)
    return redirect(tenant_url(tenant.slug, "chat"))

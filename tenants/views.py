"""Pages outside every organisation."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tenants.context_processors import list_memberships
from tenants.models import User


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Landing page; for whoever is logged in, the choice of organisation."""
    if isinstance(request.user, User):
        return render(request, "choose_organisation.html", {"memberships": list_memberships(request.user)})
    return render(request, "home.html")

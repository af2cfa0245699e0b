"""How an organisation looks: its colour as a stylesheet, its logo, and the form that chooses both."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.templatetags.static import static
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenants.access import Access
from tenants.api.downloads import PRIVATE, conditional
from tenants.models import Logo
from tenants.permissions import Action
from tenants.presentation.accent_colours import is_colour, palette_of, stylesheet_of
from tenants.services.branding import change_brand, remove_logo
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import settings_form

PAGE = "settings-organisation"
_A_DAY = 24 * 3600


@require_safe
def stylesheet(request: HttpRequest, colour: str) -> HttpResponse:
    """The tokens of a colour. Whose it is nobody learns: it is made from the address alone, for every colour."""
    if not is_colour(f"#{colour}"):
        raise Http404(_("There is no such colour."))
    response = HttpResponse(stylesheet_of(palette_of(f"#{colour}")), content_type="text/css; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={_A_DAY}"
    return response


@require_safe
@portal_view(Action.READ_SELF)
def logo(request: HttpRequest, access: Access) -> HttpResponseBase:
    """The organisation's logo; without one, Docent's own mark."""
    found = Logo.objects.first()
    if found is None:
        return HttpResponse(status=302, headers={"Location": static("img/mark.svg"), **PRIVATE})
    headers = {
        **PRIVATE,
        "ETag": quote_etag(found.sha256),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return conditional(request, HttpResponse(bytes(found.image), content_type="image/webp", headers=headers))


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def change(request: HttpRequest, access: Access) -> None:
    tenant = change_brand(
        access=access,
        accent=request.POST.get("accent", "") if "has_accent" in request.POST else "",
        shows_brand_at_log_in="shows_brand_at_log_in" in request.POST,
    )
    palette = palette_of(tenant.accent) if tenant.accent else None
    if palette is not None and (palette.light.is_adjusted or palette.dark.is_adjusted):
        messages.success(request, _("Saved. The colour is shown as far as it can be read: see below."))
    else:
        messages.success(request, _("Saved."))


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def no_logo(request: HttpRequest, access: Access) -> None:
    remove_logo(access=access)
    messages.success(request, _("The logo is removed."))

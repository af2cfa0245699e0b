"""Settings: which personal data is kept from search and models."""

from http import HTTPStatus
from itertools import zip_longest
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from documents.masking import KINDS, MAX_NAME, MAX_PATTERN, MAX_PATTERNS, MaskingRules, Pattern
from documents.selectors import masked_otherwise, masking_rules
from documents.services.masking import MAX_SAMPLE, mask_documents_anew, set_masking_policy, try_masking
from tenants.access import Access
from tenants.errors import InvalidInput
from tenants.permissions import Action
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-masking"
_BLANK_ROWS = 2
_LABELS = {
    "emails": (gettext_lazy("E-mail addresses"), gettext_lazy("ann@example.org")),
    "phones": (gettext_lazy("Telephone numbers"), gettext_lazy("+44 20 7946 0958, (555) 223-4567")),
    "cards": (gettext_lazy("Card numbers"), gettext_lazy("4111 1111 1111 1111; the check digit must be right")),
    "ibans": (gettext_lazy("IBANs"), gettext_lazy("DE89 3704 0044 0532 0130 00; the check digits must be right")),
}


@require_safe
@portal_view(Action.MANAGE_TENANT)
def masking(request: HttpRequest, access: Access) -> HttpResponse:
    """What is hidden now."""
    return _page(request, access, masking_rules())


@require_POST
@portal_view(Action.MANAGE_TENANT)
def change(request: HttpRequest, access: Access) -> HttpResponse:
    """Hide what the form says; what was typed stays there when it cannot be used."""
    rules = _sent(request)
    try:
        set_masking_policy(access=access, rules=rules)
    except InvalidInput as error:
        return _refused(request, access, rules, error)
    messages.success(request, _("Saved. It holds for documents that are read from now on."))
    return redirect(reverse(f"portal:{PAGE}"))


@require_POST
@portal_view(Action.MANAGE_TENANT)
def try_out(request: HttpRequest, access: Access) -> HttpResponse:
    """What the form would hide of a text; nothing is kept."""
    rules, text = _sent(request), request.POST.get("text", "").replace("\r\n", "\n")
    try:
        masked = try_masking(access=access, rules=rules, text=text)
    except InvalidInput as error:
        return _refused(request, access, rules, error)
    counts = [(str(_LABELS[kind][0]) if kind in _LABELS else kind, n) for kind, n in masked.counts.items()]
    return _page(request, access, rules, {"masked": masked.text, "counts": counts, "has_tried": True})


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def apply(request: HttpRequest, access: Access) -> None:
    """Read again what was read under other rules."""
    count = mask_documents_anew(access=access)
    words = ngettext("%d document is read again.", "%d documents are read again.", count) % count
    messages.success(request, words)


def _sent(request: HttpRequest) -> MaskingRules:
    """The form's boxes and rows; a row without name and pattern is none."""
    names, patterns = request.POST.getlist("pattern_name"), request.POST.getlist("pattern")
    rows = [Pattern(name.strip(), pattern) for name, pattern in zip_longest(names, patterns, fillvalue="")]
    return MaskingRules(
        emails="emails" in request.POST,
        phones="phones" in request.POST,
        cards="cards" in request.POST,
        ibans="ibans" in request.POST,
        patterns=tuple(row for row in rows if any(row)),
    )


def _refused(request: HttpRequest, access: Access, rules: MaskingRules, error: InvalidInput) -> HttpResponse:
    messages.error(request, error.errors[0].detail if error.errors else error.detail)
    return _page(request, access, rules, status=HTTPStatus.BAD_REQUEST)


def _page(
    request: HttpRequest,
    access: Access,
    rules: MaskingRules,
    tried: dict[str, Any] | None = None,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "kinds": [
            {"name": kind, "label": _LABELS[kind][0], "example": _LABELS[kind][1], "is_on": getattr(rules, kind)}
            for kind in KINDS
        ],
        "patterns": [*rules.patterns, *[Pattern("", "")] * min(_BLANK_ROWS, MAX_PATTERNS - len(rules.patterns))],
        "limits": {"name": MAX_NAME, "pattern": MAX_PATTERN, "patterns": MAX_PATTERNS, "sample": MAX_SAMPLE},
        "text": request.POST.get("text", ""),
        "outdated": masked_otherwise().count(),
        **(tried or {}),
    }
    return render_settings(request, access, PAGE, "settings/masking.html", context, status=status)

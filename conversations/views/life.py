"""Settings: when conversations end, are archived and are deleted."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from conversations.selectors.life import DAYS, MINUTES, SPARED, SWITCHES, LifeRules, deletions, life_rules
from conversations.selectors.statistics import conversation_stats
from conversations.services.retention import MAX_DAYS, MAX_MINUTES, MIN_MINUTES, changed_rules, set_life_rules
from tenants.access import Access
from tenants.errors import InvalidInput
from tenants.permissions import Action
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings

PAGE = "settings-conversations"
_LABELS = {
    "query_idle_minutes": (
        gettext_lazy("Sessions of programs"),
        gettext_lazy("Minutes without a question, for conversations begun by one call to /query/."),
    ),
    "chat_idle_minutes": (
        gettext_lazy("Chats"),
        gettext_lazy("Minutes without a question, for all others. Empty: they stay open."),
    ),
    "archive_after_days": (
        gettext_lazy("Ended conversations"),
        gettext_lazy(
            "Days after they ended; pinned and shared ones stay as they are. Archived ones are in the list and "
            "open again with everything in them."
        ),
    ),
    "delete_idle_days": (gettext_lazy("Every conversation"), gettext_lazy("Days without activity.")),
    "delete_query_days": (gettext_lazy("Sessions of programs"), gettext_lazy("Days without activity.")),
    "delete_archived_days": (gettext_lazy("Archived conversations"), gettext_lazy("Days in the archive.")),
}
_GROUPS = (
    (
        gettext_lazy("End"),
        MINUTES,
        gettext_lazy("An ended conversation takes no questions until it is reopened."),
    ),
    (gettext_lazy("Archive"), DAYS[:1], gettext_lazy("Messages move out of the database into a file.")),
    (gettext_lazy("Delete"), DAYS[1:], gettext_lazy("Nothing brings back what was deleted. Empty: never.")),
)


@require_safe
@portal_view(Action.MANAGE_TENANT)
def life(request: HttpRequest, access: Access) -> HttpResponse:
    """What holds now, and how many conversations there are."""
    return _page(request, access, life_rules())


@require_POST
@portal_view(Action.MANAGE_TENANT)
def change(request: HttpRequest, access: Access) -> HttpResponse:
    """Keep what the form says. What begins to delete something at once is asked about first, with the number."""
    try:
        rules = _sent(request)
    except InvalidInput as error:
        messages.error(request, error.detail)
        return _page(request, access, life_rules(), typed=request.POST, status=HTTPStatus.BAD_REQUEST)
    before, found = life_rules(), deletions(rules)
    begins = _deleting(rules) != _deleting(before)
    if begins and found["now"] and request.POST.get("confirmed") != str(found["now"]):
        return _page(request, access, rules, asked=found)
    set_life_rules(access=access, rules=rules)
    messages.success(request, _("Saved. It is carried out within the hour."))
    return redirect(reverse(f"portal:{PAGE}"))


def _deleting(rules: LifeRules) -> tuple[Any, ...]:
    return tuple(getattr(rules, name) for name in (*DAYS[1:], *SPARED))


def _sent(request: HttpRequest) -> LifeRules:
    wanted: dict[str, Any] = {name: name in request.POST for name in SWITCHES}
    for name in (*MINUTES, *DAYS):
        typed = request.POST.get(name, "").strip()
        if typed and not (typed.isascii() and typed.isdigit() and len(typed) < 10):  # noqa: PLR2004
            raise InvalidInput.at(f"/{name}", _("“{typed}” is no number.").format(typed=typed[:20]))
        wanted[name] = int(typed) if typed else None
    return changed_rules(life_rules(), wanted)


def _page(
    request: HttpRequest,
    access: Access,
    rules: LifeRules,
    *,
    typed: Any = None,
    asked: dict[str, int] | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    def value_of(name: str) -> Any:
        return getattr(rules, name) if typed is None else typed.get(name, "")

    groups = [
        {
            "title": title,
            "help": words,
            "fields": [
                {
                    "name": name,
                    "label": _LABELS[name][0],
                    "help": _LABELS[name][1],
                    "value": value_of(name),
                    "least": MIN_MINUTES if name in MINUTES else 1,
                    "most": MAX_MINUTES if name in MINUTES else MAX_DAYS,
                }
                for name in names
            ],
        }
        for title, names, words in _GROUPS
    ]
    context = {
        "groups": groups,
        "rules": rules,
        "stats": conversation_stats(access, everybodys=True),
        "deletes": deletions(rules),
        "asked": asked,
        "question": asked and _question(asked["now"], asked["files"]),
    }
    return render_settings(request, access, PAGE, "settings/conversations.html", context, status=status)


def _question(count: int, files: int) -> str:
    told: str = (
        ngettext(
            "This deletes %d conversation within the hour, and later each one whose time comes.",
            "This deletes %d conversations within the hour, and later each one whose time comes.",
            count,
        )
        % count
    )
    if files:
        attached = ngettext("%d attached file goes with them.", "%d attached files go with them.", files)
        told = f"{told} {attached % files}"
    return told

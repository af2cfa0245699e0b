"""Settings: prompts that one keeps, and those that the organisation shares."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from conversations.selectors.prompts import access_prompt, list_prompts, may_change_prompt
from conversations.services.prompts import MAX_TEXT, MAX_TITLE, change_prompt, delete_prompt, save_prompt
from tenants.access import Access
from tenants.permissions import Action
from tenants.web.portal_views import portal_view
from tenants.web.settings_pages import render_settings, settings_form

PAGE = "settings-prompts"


@require_safe
@portal_view(Action.CHAT)
def prompts(request: HttpRequest, access: Access) -> HttpResponse:
    """One's own and the shared ones, by title."""
    context = {
        "prompts": [
            {
                "prompt": one,
                "can_change": may_change_prompt(access, one),
                "is_own": one.author_id == access.user_id,
            }
            for one in list_prompts(access).order_by("title", "id")
        ],
        "can_share": access.allows(Action.SHARE_PROMPTS),
        "limits": {"title": MAX_TITLE, "text": MAX_TEXT},
    }
    return render_settings(request, access, PAGE, "settings/prompts.html", context)


@settings_form(Action.WRITE_PROMPTS, page=PAGE)
def create(request: HttpRequest, access: Access) -> None:
    prompt = save_prompt(access=access, **_texts(request), is_shared="is_shared" in request.POST)
    messages.success(request, _("{name} is saved.").format(name=prompt.title))


@settings_form(Action.WRITE_PROMPTS, page=PAGE)
def change(request: HttpRequest, access: Access, prompt: UUID) -> None:
    found = access_prompt(access, prompt)
    # Who may not share has no box for it: what is shared stays so.
    is_shared = "is_shared" in request.POST if access.allows(Action.SHARE_PROMPTS) else None
    changed = change_prompt(access=access, prompt=found, **_texts(request), is_shared=is_shared)
    messages.success(request, _("{name} is saved.").format(name=changed.title))


@settings_form(Action.WRITE_PROMPTS, page=PAGE)
def delete(request: HttpRequest, access: Access, prompt: UUID) -> None:
    found = access_prompt(access, prompt)
    delete_prompt(access=access, prompt=found)
    messages.success(request, _("{name} is deleted.").format(name=found.title))


def _texts(request: HttpRequest) -> dict[str, str]:
    return {"title": request.POST.get("title", ""), "text": request.POST.get("text", "")}

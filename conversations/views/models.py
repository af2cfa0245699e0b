"""Settings: models. Which there are, how fast they are, which one is the default, and the servers they are on."""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from conversations.chat_models import EXTRACTIVE, OwnModels, chooser, list_servers, own_models, parse_name
from conversations.chat_models.trial import try_listed
from conversations.chat_models.words import context_in_words, loaded_in_words
from conversations.model_management import delete_model, model_views, pull_model, server_views, set_models
from conversations.models import ModelPull
from conversations.services.model_access import Changes
from conversations.services.model_pulls import cancel_pull, list_pulls, pull_view
from tenants.access import Access
from tenants.api.problems import as_docent_error
from tenants.db import run_in_tenant, run_unit
from tenants.errors import Conflict, InvalidInput, NotFound
from tenants.permissions import Action
from tenants.web.portal_views import is_navigation, portal_view
from tenants.web.settings_pages import render_settings

PAGE = "settings-models"
_PULLS_SHOWN = 5
_GIGABYTE, _MEGABYTE = 1_000_000_000, 1_000_000


@require_safe
@portal_view(Action.MANAGE_TENANT)
async def models(request: HttpRequest, access: Access) -> HttpResponse:
    """Asks the servers first, then the database: nobody waits for a model server with a connection in hand."""
    own = await run_in_tenant(access.tenant_id, own_models)
    answering = await chooser().name(own)
    found, servers = await model_views(access, own), await server_views(access)
    return await run_in_tenant(access.tenant_id, _page, request, access, answering, found, servers)


def _form(view: Callable[..., Awaitable[None]]) -> Callable[..., Any]:
    """The target of a form of the page. What cannot be done is said there; scripts get it as of every view."""

    @wraps(view)
    async def sent(request: HttpRequest, access: Access, **kwargs: Any) -> HttpResponse:
        try:
            await view(request, access, **kwargs)
        except Exception as raised:
            error = as_docent_error(raised)
            if not isinstance(error, InvalidInput | Conflict | NotFound) or not is_navigation(request):
                raise
            messages.error(request, error.detail)
        return redirect(reverse(f"portal:{PAGE}"))

    return require_POST(portal_view(Action.MANAGE_TENANT)(sent))


@_form
async def change_server(request: HttpRequest, access: Access) -> None:
    """Whether a server is used, with which key, and which of its models may be."""
    changes: Changes = {"is_enabled": "is_enabled" in request.POST}
    if request.POST.get("key", "").strip():
        changes["key"] = request.POST["key"]
    elif "forget_key" in request.POST:
        changes["key"] = ""
    which = request.POST.get("which")
    if which:
        changes["allowed_models"] = request.POST.getlist("allowed") if which == "some" else None
    await set_models(access, request.POST.get("server", ""), changes)
    messages.success(request, _("Saved."))


@_form
async def choose_default(request: HttpRequest, access: Access) -> None:
    """The model that answers where nobody asks for another one; empty is the operator's."""
    wanted = request.POST.get("model", "")
    if wanted:
        name = parse_name(wanted)
        await set_models(access, name.server, {"default_model": name.model})
    else:
        own = await run_in_tenant(access.tenant_id, own_models)
        for server, about in own.servers.items():
            if about.default_model and server in list_servers():
                await set_models(access, server, {"default_model": ""})
    messages.success(request, _("Saved."))


@_form
async def test(request: HttpRequest, access: Access) -> None:
    trial = await try_listed(access, request.POST.get("model", ""))
    if trial.error is not None:
        messages.error(request, _("{model}: {error}").format(model=trial.model, error=trial.error.detail))
        return
    facts = [_("first token after {seconds} s").format(seconds=number_format(trial.time_to_first_token or 0, 2))]
    if trial.tokens_per_second is not None:
        facts.append(_("{speed} tokens a second").format(speed=number_format(trial.tokens_per_second, 1)))
    messages.success(request, _("{model} answers: {facts}.").format(model=trial.model, facts=", ".join(facts)))


@_form
async def delete(request: HttpRequest, access: Access) -> None:
    model = request.POST.get("model", "")
    await delete_model(access, model)
    messages.success(request, _("{model} is deleted.").format(model=model))


@_form
async def pull(request: HttpRequest, access: Access) -> None:
    await pull_model(access, request.POST.get("model", ""), request.POST.get("server", ""))


@_form
async def cancel(request: HttpRequest, access: Access, pull: UUID) -> None:
    await run_unit(partial(cancel_pull, access=access, pull_id=pull))


def _page(
    request: HttpRequest,
    access: Access,
    answering: str,
    found: list[dict[str, Any]],
    servers: list[dict[str, Any]],
) -> HttpResponse:
    own = own_models()
    default = own.default
    keepers = [one["server"] for one in servers if one["can_pull"]]
    context = {
        "answering": answering,
        "models": [_shown(one) for one in found if one["id"] != EXTRACTIVE],
        "has_own_default": default is not None,
        "servers": [_shown_server(one, own) for one in servers],
        "keepers": keepers,
        "pulls": [_shown_pull(one) for one in list_pulls(access)[:_PULLS_SHOWN]] if keepers else [],
    }
    return render_settings(request, access, PAGE, "settings/models.html", context)


def _shown(model: dict[str, Any]) -> dict[str, Any]:
    server = list_servers()[model["server"]]
    facts = [
        server.label,
        loaded_in_words(model["is_loaded"]),
        context_in_words(model["context_tokens"]),
        model["parameters"],
        _bytes(model["size_bytes"]),
        _price(model["price"]),
    ]
    return {**model, "facts": [one for one in facts if one]}


def _shown_server(server: dict[str, Any], own: OwnModels) -> dict[str, Any]:
    """With a box for each model: those that it has, and those that were allowed and are not there."""
    allowed = own.about(server["server"]).allowed
    listed = sorted({*(server["models"] or ()), *(allowed or ())})
    boxes = [{"name": one, "is_allowed": allowed is None or one in allowed} for one in listed]
    return {**server, "label": list_servers()[server["server"]].label, "boxes": boxes}


def _shown_pull(pull: ModelPull) -> dict[str, Any]:
    stages = {
        "": _("Starting"),
        "starting": _("Starting"),
        "downloading": _("Downloading"),
        "verifying": _("Verifying"),
        "storing": _("Storing"),
    }
    size = ""
    if pull.total:
        size = _("{done} of {total}").format(done=_bytes(pull.completed or 0), total=_bytes(pull.total))
    return {
        **pull_view(pull),
        "id": pull.id,
        "is_over": pull.is_over,
        "stage_words": stages.get(pull.stage, pull.stage),
        "size": size,
        "done": pull.completed or 0,
    }


def _bytes(size: int | None) -> str:
    if size is None:
        return ""
    if size >= _GIGABYTE:
        return _("{size} GB").format(size=number_format(size / _GIGABYTE, 1))
    return _("{size} MB").format(size=number_format(size / _MEGABYTE, 0))


def _price(price: dict[str, Any] | None) -> str:
    if price is None:
        return ""
    return _("{prompt} in, {completion} out {currency} a million tokens").format(
        prompt=number_format(price["in"]), completion=number_format(price["out"]), currency=price["currency"]
    )

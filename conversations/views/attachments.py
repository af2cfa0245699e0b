"""Attaching files from the chat page. Taking one away and trying once more are the documents' own views."""

from http import HTTPStatus
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from conversations.api.attachments import receive_attachments
from conversations.selectors.conversations import access_conversation
from tenants.access import Access
from tenants.permissions import Action
from tenants.web.portal_views import portal_view


@require_POST
@portal_view(Action.ATTACH_FILES)
def attach(request: HttpRequest, access: Access, conversation: UUID) -> HttpResponse:
    """Files from the page's script."""
    form = request.POST.copy()
    form.pop("csrfmiddlewaretoken", None)
    form.update(request.FILES)  # type: ignore[arg-type]
    received = receive_attachments(access, access_conversation(access, conversation), form)
    return JsonResponse(received, status=HTTPStatus.ACCEPTED)

"""Conversations in an organisation's administration: that they are, not what they say.

Titles and messages are the author's. Only where the organisation's policy lets admins read, and then on a
conversation's own page alone, are they shown, and each look is recorded.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from conversations.models import Conversation, Message, Role
from tenants.admin_sites.model_admin import TenantInline, TenantModelAdmin, access_of, shown_time
from tenants.admin_sites.tenant_site import tenant_admin
from tenants.audit.recording import record
from tenants.selectors import get_tenant, with_email


class MessageInline(TenantInline):
    model = Message
    ordering = ("created_at", "id")
    fields = ("role", "content", "status", "model", "created_at")
    readonly_fields = fields
    can_delete = False
    verbose_name_plural = gettext_lazy("messages")


@admin.register(Conversation, site=tenant_admin)
class ConversationAdmin(TenantModelAdmin):
    list_display = (
        "author",
        "site",
        "mode",
        "origin",
        "questions",
        "created_at",
        "updated_at",
        "ended_at",
        "archived_at",
    )
    list_filter = ("mode", "origin", "site")
    date_hierarchy = "updated_at"
    ordering = ("-updated_at", "-id")

    @admin.display(description=gettext_lazy("author"), ordering="author_email")
    def author(self, conversation: Any) -> str:
        if conversation.site_id is not None:
            return gettext("a visitor")
        return str(conversation.author_email or conversation.author_id)

    @admin.display(description=gettext_lazy("questions"), ordering="question_total")
    def questions(self, conversation: Any) -> int:
        return int(conversation.question_total)

    @admin.display(description=gettext_lazy("last message"), ordering="last_message_at")
    def last_message_at(self, conversation: Any) -> str:
        return shown_time(conversation.last_message_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = (
            super()
            .get_queryset(request)
            .filter(unlisted_until=None)
            .annotate(
                question_total=Count("messages", filter=Q(messages__role=Role.USER)),
                last_message_at=Max("messages__created_at"),
            )
        )
        return with_email(rows, "author_id")

    def present(self, request: HttpRequest, rows: Sequence[Conversation]) -> None:
        """Without the title: it often is the first question."""
        for row in rows:
            row.title = ""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shown = (*self.list_display, "last_message_at")
        return ("subject", *shown) if _may_read(request) else shown

    @admin.display(description=gettext_lazy("title"))
    def subject(self, conversation: Any) -> str:
        title: str = Conversation.objects.values_list("title", flat=True).get(id=conversation.id)
        return title

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return [MessageInline] if _may_read(request) else []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        found = self.get_object(request, object_id)
        if found is not None and _may_read(request):
            record(
                access_of(request),
                "conversation.read_by_admin",
                target_kind="conversation",
                target_id=found.id,
                author=str(found.author_id),
            )
        return super().change_view(request, object_id, form_url, extra_context)


def _may_read(request: HttpRequest) -> bool:
    return get_tenant(access_of(request).tenant_id).admins_read_conversations

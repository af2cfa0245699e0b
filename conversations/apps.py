from django.apps import AppConfig
from django.db.models import Count
from django.utils.translation import gettext_lazy


class ConversationsConfig(AppConfig):
    name = "conversations"
    verbose_name = gettext_lazy("Conversations")

    def ready(self) -> None:
        from conversations import admin, embedding  # noqa: F401
        from conversations.evaluating import answer_for_evaluation
        from conversations.exports import export_conversations
        from conversations.selectors import list_running_replies
        from conversations.services.conversations import blank_quotes, erase_conversations_of
        from documents.registry import on_documents_erased, on_index_changed
        from retrieval.registry import on_answering
        from tenants.exports import on_person_exported
        from tenants.limits.meters import Meter, register_meter
        from tenants.models import QuotaKind
        from tenants.registry import on_person_erased

        embedding.register()
        on_index_changed.register(embedding.embed_anew)
        on_documents_erased.register(blank_quotes)
        on_person_erased.register(erase_conversations_of)
        on_person_exported.register(export_conversations)
        on_answering.register(answer_for_evaluation)
        register_meter(QuotaKind.REPLIES, Meter(list_running_replies, "conversation__author_id", Count("id")))

from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"

    def ready(self) -> None:
        from conversations.services.conversations import blank_quotes
        from documents.registry import on_documents_erased

        on_documents_erased.register(blank_quotes)

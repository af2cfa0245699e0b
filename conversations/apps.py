from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class ConversationsConfig(AppConfig):
    name = "conversations"
    verbose_name = gettext_lazy("Conversations")

    def ready(self) -> None:
        from conversations import admin, checks, hooks  # noqa: F401
        from conversations.chat_models import checks as model_checks  # noqa: F401

        hooks.register()

"""Paths without a slash at their end, as OpenAI's are."""

from django.urls import path

from conversations.openai_api.views import ChatView, EmbeddingsView, ModelsView, ModelView
from tenants.api.asynchronous import as_async_view

urlpatterns = [
    path("models", as_async_view(ModelsView), name="openai-models"),
    path("models/<path:model>", as_async_view(ModelView), name="openai-model"),
    path("chat/completions", as_async_view(ChatView), name="openai-chat"),
    path("embeddings", as_async_view(EmbeddingsView), name="openai-embeddings"),
]

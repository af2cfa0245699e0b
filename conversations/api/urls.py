from django.urls import path

from conversations.api.messages import EventsView, MessagesView, MessageView, QueryView, StopView, WhyView
from conversations.api.views import ConversationsView, ConversationView, EndView, ReopenView
from tenants.api.asynchronous import as_async_view

urlpatterns = [
    path("query/", as_async_view(QueryView), name="query"),
    path("conversations/", ConversationsView.as_view(), name="conversations"),
    path("conversations/<uuid:conversation>/", ConversationView.as_view(), name="conversation"),
    path("conversations/<uuid:conversation>/end/", EndView.as_view(), name="conversation-end"),
    path("conversations/<uuid:conversation>/reopen/", ReopenView.as_view(), name="conversation-reopen"),
    path("conversations/<uuid:conversation>/messages/", as_async_view(MessagesView), name="messages"),
    path("messages/<uuid:message>/", MessageView.as_view(), name="message"),
    path("messages/<uuid:message>/why/", WhyView.as_view(), name="message-why"),
    path("messages/<uuid:message>/events/", as_async_view(EventsView), name="message-events"),
    path("messages/<uuid:message>/stop/", as_async_view(StopView), name="message-stop"),
]

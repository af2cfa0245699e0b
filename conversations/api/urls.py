from django.urls import path

from conversations.api.attachments import AttachmentsView, AttachmentView
from conversations.api.feedback import (
    FeedbackListView,
    FeedbackSeenView,
    MessageFeedbackView,
    ToChosenSetView,
    ToQuestionSetView,
)
from conversations.api.life import ArchivesView, ArchiveView, RetentionView, StatsView
from conversations.api.memory import ContextView, SummaryView
from conversations.api.messages import EventsView, MessagesView, MessageView, QueryView, StopView, WhyView
from conversations.api.models import urls as models
from conversations.api.personas import PersonaResetView, PersonaRestoreView, PersonasView, PersonaView
from conversations.api.prompts import PromptsView, PromptView
from conversations.api.shares import ShareCopyView, SharedMessagesView, SharesView, ShareView
from conversations.api.sites import SiteKeyView, SiteSecretView, SitesView, SiteView
from conversations.api.transcripts import ExportView
from conversations.api.turns import ContinueView, EditView, RegenerateView
from conversations.api.views import (
    ArchiveConversationView,
    ConversationsView,
    ConversationView,
    EndView,
    ReopenView,
    RestoreView,
)
from tenants.api.asynchronous import as_async_view

_FEEDBACK = "feedback/<uuid:feedback>/"

urlpatterns = [
    *models.urlpatterns,
    path("query/", as_async_view(QueryView), name="query"),
    path("conversations/", as_async_view(ConversationsView), name="conversations"),
    path("conversations/archives/", ArchivesView.as_view(), name="archives"),
    path("conversations/archives/<uuid:archive>/", ArchiveView.as_view(), name="archive"),
    path("conversations/stats/", StatsView.as_view(), name="conversation-stats"),
    path("sites/", SitesView.as_view(), name="sites"),
    path("sites/<uuid:site>/", SiteView.as_view(), name="site"),
    path("sites/<uuid:site>/rotate-key/", SiteKeyView.as_view(), name="site-key"),
    path("sites/<uuid:site>/rotate-secret/", SiteSecretView.as_view(), name="site-secret"),
    path("retention/", RetentionView.as_view(), name="retention"),
    path("conversations/<uuid:conversation>/", ConversationView.as_view(), name="conversation"),
    path("conversations/<uuid:conversation>/end/", EndView.as_view(), name="conversation-end"),
    path(
        "conversations/<uuid:conversation>/archive/",
        ArchiveConversationView.as_view(),
        name="conversation-archive",
    ),
    path("conversations/<uuid:conversation>/reopen/", ReopenView.as_view(), name="conversation-reopen"),
    path("conversations/<uuid:conversation>/restore/", RestoreView.as_view(), name="conversation-restore"),
    path("conversations/<uuid:conversation>/summary/", SummaryView.as_view(), name="conversation-summary"),
    path("conversations/<uuid:conversation>/context/", as_async_view(ContextView), name="conversation-context"),
    path("conversations/<uuid:conversation>/attachments/", AttachmentsView.as_view(), name="attachments"),
    path(
        "conversations/<uuid:conversation>/attachments/<uuid:attachment>/",
        AttachmentView.as_view(),
        name="attachment",
    ),
    path("conversations/<uuid:conversation>/export/", ExportView.as_view(), name="conversation-export"),
    path("conversations/<uuid:conversation>/messages/", as_async_view(MessagesView), name="messages"),
    path("personas/", PersonasView.as_view(), name="personas"),
    path("personas/<uuid:persona>/", PersonaView.as_view(), name="persona"),
    path("personas/<uuid:persona>/restore/", PersonaRestoreView.as_view(), name="persona-restore"),
    path("personas/<uuid:persona>/reset/", PersonaResetView.as_view(), name="persona-reset"),
    path("prompts/", PromptsView.as_view(), name="prompts"),
    path("prompts/<uuid:prompt>/", PromptView.as_view(), name="prompt"),
    path("messages/<uuid:message>/", MessageView.as_view(), name="message"),
    path("messages/<uuid:message>/why/", WhyView.as_view(), name="message-why"),
    path("messages/<uuid:message>/feedback/", MessageFeedbackView.as_view(), name="message-feedback"),
    path("feedback/", as_async_view(FeedbackListView), name="feedback"),
    path("feedback/seen/", FeedbackSeenView.as_view(), name="feedback-seen"),
    path(f"{_FEEDBACK}to-question-set/", ToQuestionSetView.as_view(), name="feedback-question"),
    path(
        f"{_FEEDBACK}to-question-set/<uuid:question_set>/",
        ToChosenSetView.as_view(),
        name="feedback-question-in-set",
    ),
    path("messages/<uuid:message>/events/", as_async_view(EventsView), name="message-events"),
    path("messages/<uuid:message>/regenerate/", as_async_view(RegenerateView), name="message-regenerate"),
    path("messages/<uuid:question>/edit/", as_async_view(EditView), name="message-edit"),
    path("messages/<uuid:message>/continue/", as_async_view(ContinueView), name="message-continue"),
    path("messages/<uuid:message>/stop/", as_async_view(StopView), name="message-stop"),
    path("shares/", SharesView.as_view(), name="shares"),
    path("shares/<uuid:share>/", ShareView.as_view(), name="share"),
    path("shares/<uuid:share>/messages/", SharedMessagesView.as_view(), name="share-messages"),
    path("shares/<uuid:share>/copy/", ShareCopyView.as_view(), name="share-copy"),
]

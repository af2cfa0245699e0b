from django.urls import path

from tenants.api.asynchronous import as_async_view
from tenants.api.audit import AuditView
from tenants.api.exports import ExportFileView, ExportsView, ExportView
from tenants.api.groups import GroupMembersView, GroupMemberView, GroupsView, GroupView
from tenants.api.invitations import InvitationsView, InvitationView, ResendView
from tenants.api.jobs import JobCancelView, JobRetryView, JobsView
from tenants.api.members import MembersView, MemberView
from tenants.api.tokens import TokensView, TokenView
from tenants.api.usage import UsageLimitsView, UsageView
from tenants.api.views import MeView
from tenants.api.webhooks import (
    DeliveriesView,
    DeliveryAgainView,
    WebhookSecretView,
    WebhooksView,
    WebhookTestView,
    WebhookView,
)

_EXPORT = "exports/<uuid:export_id>/"
_GROUP = "groups/<uuid:group_id>/"
_INVITATION = "invitations/<uuid:invitation_id>/"
_WEBHOOK = "webhooks/<uuid:webhook_id>/"

urlpatterns = [
    path("me/", MeView.as_view(), name="me"),
    path("members/", MembersView.as_view(), name="members"),
    path("members/<uuid:user_id>/", MemberView.as_view(), name="member"),
    path("invitations/", InvitationsView.as_view(), name="invitations"),
    path(_INVITATION, InvitationView.as_view(), name="open-invitation"),
    path(f"{_INVITATION}resend/", ResendView.as_view(), name="invitation-resend"),
    path("groups/", GroupsView.as_view(), name="groups"),
    path(_GROUP, GroupView.as_view(), name="group"),
    path(f"{_GROUP}members/", GroupMembersView.as_view(), name="group-members"),
    path(f"{_GROUP}members/<uuid:user_id>/", GroupMemberView.as_view(), name="group-member"),
    path("jobs/", JobsView.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>/cancel/", JobCancelView.as_view(), name="job-cancel"),
    path("jobs/<uuid:job_id>/retry/", JobRetryView.as_view(), name="job-retry"),
    path("exports/", ExportsView.as_view(), name="exports"),
    path(_EXPORT, ExportView.as_view(), name="export"),
    path(f"{_EXPORT}file/", as_async_view(ExportFileView), name="export-file"),
    path("audit/", as_async_view(AuditView), name="audit"),
    path("usage/", UsageView.as_view(), name="usage"),
    path("usage/limits/", UsageLimitsView.as_view(), name="usage-limits"),
    path("tokens/", TokensView.as_view(), name="tokens"),
    path("tokens/<uuid:token_id>/", TokenView.as_view(), name="token"),
    path("webhooks/", WebhooksView.as_view(), name="webhooks"),
    path(_WEBHOOK, WebhookView.as_view(), name="webhook"),
    path(f"{_WEBHOOK}test/", WebhookTestView.as_view(), name="webhook-test"),
    path(f"{_WEBHOOK}rotate-secret/", WebhookSecretView.as_view(), name="webhook-secret"),
    path(f"{_WEBHOOK}deliveries/", DeliveriesView.as_view(), name="webhook-deliveries"),
    path(
        f"{_WEBHOOK}deliveries/<uuid:delivery_id>/redeliver/", DeliveryAgainView.as_view(), name="delivery-again"
    ),
]

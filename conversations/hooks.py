"""What conversations do when something happens below them: registered once, when everything is loaded."""

from django.db.models import Count

from conversations import exports
from conversations.answering.evaluating import answer_for_evaluation
from conversations.prompting import summary_jobs
from conversations.searching import embedding
from conversations.selectors.conversations import list_running_replies
from conversations.selectors.sites import name_sites
from conversations.services import archives, model_access, sites
from conversations.services.conversations import blank_quotes, erase_conversations_of
from conversations.services.deleting import purge_past
from conversations.services.feedback import forget_feedback_of
from conversations.services.personas import forget_maker, lay_down_defaults
from conversations.services.prompts import erase_prompts_of
from conversations.services.retention import purge_conversations
from conversations.services.shares import erase_shares_of
from conversations.services.sites import purge_visits
from conversations.webhook_events import conversations_within_sight
from documents.registry import on_documents_erased, on_index_changed
from retrieval.registry import on_answering
from tenants.limits.meters import Meter, register_meter
from tenants.models import QuotaKind, WebhookEvent
from tenants.registry import on_keys_rotated, on_person_erased, on_spenders_named, on_tenant_created
from tenants.services.purging import register_purge
from tenants.webhooks.announcing import register_gate


def register() -> None:
    """Called by the application when it is ready."""
    embedding.register()
    summary_jobs.register()
    exports.register()
    on_index_changed.register(embedding.embed_anew)
    on_documents_erased.register(blank_quotes)
    # After it: what is archived at this moment waits for one's rows, and is found by the other.
    archives.register()
    on_tenant_created.register(lay_down_defaults)
    on_answering.register(answer_for_evaluation)
    on_spenders_named.register(name_sites)
    on_keys_rotated.register(sites.rewrap_secrets)
    on_keys_rotated.register(model_access.rewrap_secrets)
    register_gate(WebhookEvent.CONVERSATION_ENDED, gate=conversations_within_sight)
    register_meter(QuotaKind.REPLIES, Meter(list_running_replies, "conversation__author_id", Count("id")))
    _register_what_goes()


def _register_what_goes() -> None:
    # Before the conversations, which would take them along uncounted.
    on_person_erased.register(erase_shares_of)
    on_person_erased.register(forget_feedback_of)
    on_person_erased.register(erase_conversations_of)
    on_person_erased.register(forget_maker)
    on_person_erased.register(erase_prompts_of)
    register_purge(purge_past)
    register_purge(purge_visits)
    register_purge(purge_conversations)

from tenants.jobs.models import Job, ReplyLease
from tenants.models.audit import AuditEvent, AuditSeal
from tenants.models.base import TenantKey, TenantManager, TenantModel
from tenants.models.canary import Canary
from tenants.models.exports import Export
from tenants.models.groups import Group, GroupMember
from tenants.models.idempotency import KeptAnswer
from tenants.models.invitations import Invitation
from tenants.models.limits import Quota, QuotaFor, QuotaKind, UsageDay
from tenants.models.logos import Logo
from tenants.models.model_access import ModelAccess
from tenants.models.organisations import Membership, Tenant
from tenants.models.people import Announcing, Theme, User
from tenants.models.revocations import Revocation
from tenants.models.signin import SignInProvider
from tenants.models.tokens import ApiToken
from tenants.models.totals import TenantTotals
from tenants.models.webhooks import DeliveryStatus, DisabledReason, Webhook, WebhookDelivery, WebhookEvent

__all__ = [
    "Announcing",
    "ApiToken",
    "AuditEvent",
    "AuditSeal",
    "Canary",
    "DeliveryStatus",
    "DisabledReason",
    "Export",
    "Group",
    "GroupMember",
    "Invitation",
    "Job",
    "KeptAnswer",
    "Logo",
    "Membership",
    "ModelAccess",
    "Quota",
    "QuotaFor",
    "QuotaKind",
    "ReplyLease",
    "Revocation",
    "SignInProvider",
    "Tenant",
    "TenantKey",
    "TenantManager",
    "TenantModel",
    "TenantTotals",
    "Theme",
    "UsageDay",
    "User",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
]

from tenants.jobs.models import Job, ReplyLease
from tenants.models.audit import AuditEvent
from tenants.models.base import TenantKey, TenantManager, TenantModel
from tenants.models.organisations import Membership, Tenant
from tenants.models.people import User
from tenants.models.tokens import ApiToken

__all__ = [
    "ApiToken",
    "AuditEvent",
    "Job",
    "Membership",
    "ReplyLease",
    "Tenant",
    "TenantKey",
    "TenantManager",
    "TenantModel",
    "User",
]

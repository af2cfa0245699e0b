"""Does the audit log still say what was sealed? Reads only, as the application's role, tenant by tenant."""

from tenants.audit.verification.faults import Fault, FaultKind
from tenants.audit.verification.logs import TenantLog, verify_audit

__all__ = ["Fault", "FaultKind", "TenantLog", "verify_audit"]

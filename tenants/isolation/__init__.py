"""Do the walls between tenants stand? Looked at from inside, as the application's role, without writing."""

from tenants.isolation.canary import canary_alarm
from tenants.isolation.inspection import Finding, Inspection, inspect_walls

__all__ = ["Finding", "Inspection", "canary_alarm", "inspect_walls"]

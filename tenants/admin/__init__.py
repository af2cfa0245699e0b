"""What of tenants stands in an organisation's administration."""

from tenants.admin import credentials, limits, organisation, people, records, webhooks

__all__ = ["credentials", "limits", "organisation", "people", "records", "webhooks"]

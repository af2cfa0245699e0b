"""A row in each organisation whose only use is to be invisible to every other."""

from tenants.models.base import TenantModel


class Canary(TenantModel):
    """Made with the tenant. Whoever sees one without its tenant's context has found a hole in the wall."""

    def __str__(self) -> str:
        return str(self.id)

"""What an organisation says about the operator's model servers: its keys, what it allows, its default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from conversations.chat_models.servers import ModelName, Server, list_servers
from providers.errors import ProviderError
from tenants.context import current_tenant_id
from tenants.database.prepared_queries import PreparedModels
from tenants.models import ModelAccess
from tenants.vault import VaultError, seal, unseal


@dataclass(frozen=True, slots=True)
class OwnServer:
    """About one server; `allowed` None is all of its models."""

    is_enabled: bool = True
    allowed: frozenset[str] | None = None
    default_model: str = ""
    sealed_key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class OwnModels:
    """An organisation's word, in plain values: safe across threads and tasks."""

    tenant_id: UUID
    servers: Mapping[str, OwnServer]

    def about(self, server: str) -> OwnServer:
        return self.servers.get(server, OwnServer())

    @property
    def default(self) -> ModelName | None:
        """The organisation's own default model, on a server that is still there."""
        for name, own in self.servers.items():
            if own.default_model and own.is_enabled and name in list_servers():
                return ModelName(name, own.default_model)
        return None

    def allows(self, name: ModelName) -> bool:
        own = self.about(name.server)
        return own.is_enabled and (own.allowed is None or name.is_among(own.allowed))

    def key_of(self, server: Server) -> str:
        """Its own key, else the operator's. Raises `ProviderError` for one that does not open."""
        sealed = self.about(server.name).sealed_key
        if not sealed or not server.takes_keys:
            return server.key
        try:
            return unseal(sealed, tenant_id=self.tenant_id, purpose=key_purpose(server.name))
        except VaultError as error:
            detail = (
                f"Your organisation's key for {server.label} cannot be read any more. An admin can set it anew."
            )
            raise ProviderError("model_error", detail, permanent=True) from error


def own_models() -> OwnModels:
    """The active tenant's, inside the caller's unit."""
    rows = _model_access.all()
    servers = {
        row.server: OwnServer(
            is_enabled=row.is_enabled,
            allowed=None if row.allowed_models is None else frozenset(row.allowed_models),
            default_model=row.default_model,
            sealed_key=bytes(row.sealed_secret),
        )
        for row in rows
    }
    return OwnModels(current_tenant_id(), servers)


_model_access = PreparedModels(ModelAccess, lambda: ModelAccess.objects.order_by("server"))


def sealed_key(key: str, *, tenant_id: UUID, server: str) -> bytes:
    """A key as it is stored: it opens for this organisation and this server alone."""
    return seal(key, tenant_id=tenant_id, purpose=key_purpose(server))


def key_purpose(server: str) -> str:
    """What an organisation's key is sealed for."""
    return f"model-server {server}"

"""What the servers have, as each organisation may ask them."""

from django.utils.translation import gettext

from conversations.chat_models.connections import Connection, Connections
from conversations.chat_models.own import OwnModels
from conversations.chat_models.servers import ModelName, Server, list_servers
from providers.chat.base import ModelInfo
from providers.errors import ProviderError
from tenants.errors import InvalidInput


class Directory:
    """Asks servers at most every ten seconds which models they have."""

    def __init__(self) -> None:
        self._connections = Connections()

    def connection(self, own: OwnModels, server: Server) -> Connection:
        """As the organisation speaks to it. Raises `ProviderError` for a key that does not open."""
        return self._connections.to(server, own.key_of(server))

    async def listed(self, own: OwnModels, server: Server) -> list[ModelInfo] | None:
        """All that it has; None when it cannot be asked. Raises `ProviderError` for a key that does not open."""
        return await self.connection(own, server).list_models()

    async def names_on(self, own: OwnModels, server: Server) -> list[str] | None:
        """All that a server has, allowed or not; None for one that is not used or says nothing."""
        if not own.about(server.name).is_enabled:
            return None
        try:
            listed = await self.listed(own, server)
        except ProviderError:
            return None
        return None if listed is None else [one.name for one in listed]

    async def may_have(self, own: OwnModels, name: ModelName) -> bool:
        """Whether the server has it, or is meant to be there and does not say."""
        server = list_servers()[name.server]
        names = await self.names_on(own, server)
        return server.is_configured if names is None else name.is_among(names)

    async def require_listed(self, own: OwnModels, name: ModelName, *, pointer: str) -> None:
        """Raise `InvalidInput` for what the server has not, whether it is allowed or not."""
        if not await self.may_have(own, name):
            raise InvalidInput.at(
                pointer, gettext("The server has no model “{model}”.").format(model=name.model), "unknown_model"
            )

    def forget(self, server: str) -> None:
        """A model has come or gone."""
        self._connections.forget(server)

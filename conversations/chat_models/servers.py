"""The operator's model servers, and how a model on one of them is called."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from django.conf import settings

from providers.servers import DEFAULT_SERVER, ServerSpec, parse_servers

LOCAL_OLLAMA = "127.0.0.1:11434"
LONGEST_NAME = 120
_LATEST = ":latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One that may be asked. One that is not configured merely might be there."""

    name: str
    kind: str
    url: str
    key: str = field(default="", repr=False)
    is_configured: bool = True

    @property
    def label(self) -> str:
        """What people call it."""
        return "Ollama" if self.name == DEFAULT_SERVER else self.name

    @property
    def takes_keys(self) -> bool:
        return self.kind == "openai"

    @property
    def keeps_models(self) -> bool:
        """Whether it gets models and deletes them when asked to."""
        return self.kind == "ollama"


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model on a server, as the server calls it."""

    server: str
    model: str

    @property
    def id(self) -> str:
        """By which it is asked for: models of the default server go by their own name."""
        if self.server == DEFAULT_SERVER and self.model.partition("/")[0] not in list_servers():
            return self.model
        return f"{self.server}/{self.model}"

    def is_same(self, other: "ModelName | None") -> bool:
        return other is not None and self.server == other.server and self.is_among([other.model])

    def is_among(self, names: Iterable[str]) -> bool:
        """Whether the server's names have it; without a tag a model of Ollama's is the latest."""
        return self.model.removesuffix(_LATEST) in {name.removesuffix(_LATEST) for name in names}


def list_servers() -> dict[str, Server]:
    """By name, the default one first. Raises `ValueError` for settings that the system checks refuse."""
    specs = _specs(settings.DOCENT_MODEL_SERVERS)
    on_default = bool(settings.DOCENT_CHAT_MODEL) and _server_part(settings.DOCENT_CHAT_MODEL, specs) is None
    default = Server(
        name=DEFAULT_SERVER,
        kind="ollama",
        url=settings.OLLAMA_HOST or LOCAL_OLLAMA,
        is_configured=bool(settings.OLLAMA_HOST) or on_default,
    )
    keys = settings.DOCENT_MODEL_KEYS
    others = (Server(name=one.name, kind=one.kind, url=one.url, key=keys.get(one.key_name, "")) for one in specs)
    return {server.name: server for server in (default, *others)}


def parse_name(text: str) -> ModelName:
    """`server/model`, or a model of the default server, whose own names may have slashes too."""
    server, slash, model = text.partition("/")
    if slash and model and server in list_servers():
        return ModelName(server, model)
    return ModelName(DEFAULT_SERVER, text)


def _server_part(text: str, specs: tuple[ServerSpec, ...]) -> str | None:
    server, slash, model = text.partition("/")
    return server if slash and model and any(one.name == server for one in specs) else None


@lru_cache(maxsize=8)
def _specs(text: str) -> tuple[ServerSpec, ...]:
    return parse_servers(text)

"""What tests ask for by name: people, a worker, a web server, a model server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from tenants.models import Tenant, User
from tenants.permissions import Role
from tenants.services.members import add_member
from tenants.services.organisations import create_tenant
from tests.environment import Environment
from tests.moulds import founded, joined
from tests.people import Person, person_of
from tests.processes import LiveServer, Running, celery_worker, web_server
from tests.standins.oidc import OidcStandIn
from tests.standins.ollama import OllamaStandIn
from tests.standins.receiver import ReceiverStandIn
from tests.standins.web import WebStandIn
from tests.tenants.signin import set_provider

# Calls a second that no test of anything else makes.
HURRIED = 100_000


def _user(name: str) -> User:
    return User.objects.create_user(email=f"{name}@example.org", password="a-long-password", name=name.title())


@pytest.fixture
def alice(db: None) -> Person:
    """Owner of acme."""
    return founded("alice", lambda: _founder("alice", "acme"))


@pytest.fixture
def adam(alice: Person) -> Person:
    """Admin of acme."""
    return _member(alice, "adam", Role.ADMIN)


@pytest.fixture
def bob(alice: Person) -> Person:
    """Member of acme."""
    return _member(alice, "bob", Role.MEMBER)


@pytest.fixture
def dana(alice: Person) -> Person:
    """Viewer of acme."""
    return _member(alice, "dana", Role.VIEWER)


@pytest.fixture
def charlie(db: None) -> Person:
    """Owner of globex, and in no other organisation."""
    return founded("charlie", lambda: _founder("charlie", "globex"))


def _founder(name: str, slug: str) -> Person:
    user = _user(name)
    create_tenant(name=slug.title(), slug=slug, owner=user, rate_limit=HURRIED)
    return person_of(user, slug)


def _member(alice: Person, name: str, role: Role) -> Person:
    def make() -> Person:
        user = _user(name)
        add_member(access=alice.access, user=user, role=role)
        return person_of(user, alice.slug)

    return joined(name, alice, make)


@pytest.fixture
def acme(alice: Person) -> Tenant:
    return Tenant.objects.get(slug=alice.slug)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of the run write what they print."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def worker(run_environment: Environment, logs: Path) -> Iterator[Running]:
    """A Celery worker that takes what the tests enqueue, the soak's own kind of job too."""
    with celery_worker(run_environment.variables, logs / "worker.log", include="bench.soak.jobs") as running:
        yield running


@pytest.fixture(scope="session")
def style_and_scripts(run_environment: Environment) -> None:
    """The static files where web servers look for them when they start."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session")
def extractive_server(run_environment: Environment, logs: Path, style_and_scripts: None) -> Iterator[LiveServer]:
    """The web server without a model server."""
    with web_server(run_environment.variables, logs / "web-extractive.log") as running:
        yield running


@pytest.fixture(scope="session")
def _stand_in() -> Iterator[OllamaStandIn]:
    with OllamaStandIn() as server:
        yield server


@pytest.fixture(scope="session")
def model_server(
    run_environment: Environment, logs: Path, style_and_scripts: None, _stand_in: OllamaStandIn
) -> Iterator[LiveServer]:
    """The web server with the stand-in as its model server."""
    variables = {**run_environment.variables, "OLLAMA_HOST": _stand_in.url}
    with web_server(variables, logs / "web-model.log") as running:
        yield running


@pytest.fixture
def ollama(_stand_in: OllamaStandIn) -> OllamaStandIn:
    """The model server, with nothing scripted and nothing asked yet."""
    _stand_in.reset()
    return _stand_in


@pytest.fixture(scope="session")
def _oidc_stand_in() -> Iterator[OidcStandIn]:
    with OidcStandIn() as server:
        yield server


@pytest.fixture
def oidc(_oidc_stand_in: OidcStandIn, alice: Person, settings: Settings) -> OidcStandIn:
    """Acme's sign-in provider, telling the truth about erin."""
    _oidc_stand_in.reset()
    _oidc_stand_in.person = {
        "sub": "e-1",
        "email": "Erin@Acme.Example",
        "email_verified": True,
        "name": "Erin Example",
    }
    settings.DOCENT_OIDC_PRIVATE_HOSTS = frozenset({_oidc_stand_in.host})
    set_provider(alice, _oidc_stand_in)
    return _oidc_stand_in


@pytest.fixture(autouse=True)
def _live_server_helper() -> None:
    """Takes the place of pytest-django's, which expects its own kind of live server."""


@pytest.fixture
def live_server(request: pytest.FixtureRequest) -> LiveServer:
    """The web server: wired to `ollama` when the test asks for that too, extractive otherwise."""
    name = "model_server" if "ollama" in request.fixturenames else "extractive_server"
    running: LiveServer = request.getfixturevalue(name)
    running.require_life()
    return running


@pytest.fixture(scope="session")
def _web() -> Iterator[WebStandIn]:
    with WebStandIn() as running:
        yield running


@pytest.fixture
def web(_web: WebStandIn) -> WebStandIn:
    """A server of web pages, with none yet."""
    _web.reset()
    return _web


@pytest.fixture(scope="session")
def _receiver() -> Iterator[ReceiverStandIn]:
    with ReceiverStandIn() as running:
        yield running


@pytest.fixture
def receiver(_receiver: ReceiverStandIn) -> Iterator[ReceiverStandIn]:
    """Somebody's receiver of webhooks, that has heard nothing yet."""
    _receiver.reset()
    yield _receiver
    _receiver.let_go.set()


@pytest.fixture(autouse=True)
def _unsent_without_worker(request: pytest.FixtureRequest) -> None:
    """Whoever asks for no worker has none, not even one that other tests have started."""
    if "worker" not in request.fixturenames:
        request.getfixturevalue("unsent")


@pytest.fixture
def unsent(settings: Settings) -> None:
    """Jobs wait: a worker that other tests have started hears of none that this test makes."""
    settings.DOCENT_JOBS_IN_FLIGHT = dict.fromkeys(settings.DOCENT_JOBS_IN_FLIGHT, 0)

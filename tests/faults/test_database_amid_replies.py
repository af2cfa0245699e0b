"""F12, F14 to F16 for answers: a database that is away or comes back elsewhere costs none of what was written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.config.polling import wait_for
from tests.conversations.doors import Api, Event
from tests.environment import Environment
from tests.people import Person
from tests.processes import web_server
from tests.security.test_revocation import Wire
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
WORDS = "".join(f"word{number} " for number in range(80)).strip()
SLOW = Reply(text=WORDS, tokens_per_second=20)
AWAY_SECONDS = 4  # longer than the pool's patience
REFUSED_WITHIN, BACK_WITHIN = 5.0, 10.0
# More than there are connections.
ASKING, ALL_REFUSED_WITHIN = 30, 8.0


@pytest.fixture
def wire(run_environment: Environment) -> Wire:
    return Wire(run_environment.app_url)


@pytest.fixture
def there(api: Api, wire: Wire, ollama: OllamaStandIn, run_environment: Environment, logs: Path) -> Iterator[Api]:
    """Alice's program at a web process whose database can be cut off."""
    # The database is there for the other processes of the run, who would take this one for dead.
    own = {"DATABASE_URL": wire.url, "OLLAMA_HOST": ollama.url, "DOCENT_REPLY_LEASE_SECONDS": "30"}
    with web_server({**run_environment.variables, **own}, logs / "web-wired.log") as running:
        yield Api(running, api.person)


def read(events: Iterator[Event]) -> tuple[str, Event]:
    found = list(events)
    return "".join(one["text"] for one in found if one["type"] == "delta"), found[-1]


def check_refused(there: Api) -> None:
    """A request is refused soon and plainly, and says when to come again."""
    begun = time.monotonic()
    refused = there.get("/me/")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) <= REFUSED_WITHIN
    assert time.monotonic() - begun < REFUSED_WITHIN


@pytest.mark.parametrize("is_at_the_end", [False, True])
def test_F12_F16_an_answer_survives_a_database_that_was_away(
    api: Api, there: Api, wire: Wire, ollama: OllamaStandIn, *, is_at_the_end: bool
) -> None:
    ollama.script(SLOW)
    message = there.begin(QUESTION)
    with there.stream("GET", f"/messages/{message}/events/") as events:
        first = next(event for event in events if event["type"] == "delta")
        if is_at_the_end:
            assert next(event for event in events if "word55" in event.get("text", ""))
        with wire.cut():
            check_refused(there)
            time.sleep(AWAY_SECONDS)
        mended = time.monotonic()
        text, end = read(events)
    assert end["type"] == "finished"
    assert time.monotonic() - mended < BACK_WITHIN
    assert WORDS.startswith(first["text"])
    assert WORDS.endswith(text)
    stored = api.message(message)
    assert (stored["status"], stored["content"]) == ("finished", WORDS)
    wait_for("requests are answered", lambda: there.get("/me/").status_code == 200, within=BACK_WITHIN)


def check_all_refused(there: Api, conversation: str) -> None:
    """However many come at once, with questions too: none waits for long, and none costs a thread for good."""

    def come(number: int) -> tuple[httpx.Response, float]:
        begun = time.monotonic()
        if number % 2:
            return there.get("/me/"), time.monotonic() - begun
        path = f"/conversations/{conversation}/messages/"
        asked = there.post(path, json={"content": QUESTION}, headers={"Prefer": "respond-async"})
        return asked, time.monotonic() - begun

    with ThreadPoolExecutor(ASKING) as pool:
        refused = list(pool.map(come, range(ASKING)))
    slowest = max(seconds for _, seconds in refused)
    print(f"{ASKING} at once were refused within {slowest:.1f} s")  # noqa: T201
    assert {(one.status_code, one.json()["code"]) for one, _ in refused} == {(503, "unavailable")}
    assert {int(one.headers["Retry-After"]) <= REFUSED_WITHIN for one, _ in refused} == {True}
    assert slowest < ALL_REFUSED_WITHIN
    check_refused(there)


def threads_of(api: Api) -> int:
    return len(list(Path(f"/proc/{api.server.process.pid}/task").iterdir()))


def test_F14_a_database_that_hangs_refuses_requests_and_costs_no_answer(
    api: Api, there: Api, wire: Wire, ollama: OllamaStandIn
) -> None:
    ollama.script(SLOW, Reply(text="Twenty-eight days."))
    message, conversation = there.begin(QUESTION), there.conversation()
    with there.stream("GET", f"/messages/{message}/events/") as events:
        first = next(event for event in events if event["type"] == "delta")
        threads = threads_of(there)
        with wire.hung():
            check_all_refused(there, conversation)
            check_all_refused(there, conversation)
            assert threads_of(there) < threads + ASKING
        mended = time.monotonic()
        text, end = read(events)
    assert end["type"] == "finished"
    assert WORDS.startswith(first["text"])
    assert WORDS.endswith(text)
    wait_for("requests are answered", lambda: there.get("/me/").status_code == 200, within=5)
    assert there.follow(there.begin(QUESTION))[-1]["type"] == "finished"
    assert time.monotonic() - mended < BACK_WITHIN
    stored = api.message(message)
    assert (stored["status"], stored["content"]) == ("finished", WORDS)
    assert api.get(f"/conversations/{conversation}/messages/").json()["results"] == [], "refused is not asked"


def test_F15_one_connection_serves_another_person_while_a_model_is_slow(
    api: Api, bob: Person, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    single = {"OLLAMA_HOST": ollama.url, "DOCENT_DB_POOL": "1", "DOCENT_FIRST_TOKEN_TIMEOUT": "600"}
    ollama.script(Reply(fault="hang"), SLOW, Reply(text="Twenty-eight days."))
    with web_server({**run_environment.variables, **single}, logs / "web-single.log") as running:
        alice, bobs = Api(running, api.person), Api(running, bob)
        hanging, slow = alice.begin(QUESTION), alice.begin(QUESTION)
        assert ollama.wait_requests(10, count=2)
        for _ in range(5):
            begun = time.monotonic()
            assert bobs.get("/me/").status_code == 200
            assert time.monotonic() - begun < 2
        assert bobs.follow(bobs.begin(QUESTION))[-1]["type"] == "finished"
        assert alice.follow(slow)[-1]["type"] == "finished"
        assert alice.post(f"/messages/{hanging}/stop/").status_code == 200

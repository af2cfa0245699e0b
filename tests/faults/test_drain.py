"""F5: a web process that is told to end lets the answers that are written end, and whoever is connected leave."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.config.polling import wait_for
from tests.conversations.doors import Api, Event
from tests.environment import Environment
from tests.plain import NO_TLS
from tests.processes import LiveServer, web_server
from tests.standins.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "How many days of paid holiday does a full-time employee have?"
WORDS = "".join(f"word{number} " for number in range(60)).strip()
SLOW = Reply(text=WORDS, tokens_per_second=20)
ENDLESS = Reply(text="and more and more " * 500, tokens_per_second=20)


@contextmanager
def server_of(
    run_environment: Environment, logs: Path, ollama: OllamaStandIn, *, drain: int
) -> Iterator[LiveServer]:
    variables = {**run_environment.variables, "OLLAMA_HOST": ollama.url, "DOCENT_DRAIN_SECONDS": str(drain)}
    with web_server(variables, logs / f"web-drain-{drain}.log") as running:
        yield running


async def _read_socket(api: Api, conversation: str, begun: asyncio.Event) -> tuple[str, str, int]:
    """The message, the text up to the close, and its code."""
    path = f"{api.server.ws_url}/o/{api.person.slug}/ws/conversations/{conversation}/"
    message, text = "", ""
    async with connect(path, additional_headers=api.headers, proxy=None) as socket:
        await socket.send(json.dumps({"type": "ask", "content": QUESTION}))
        try:
            async for frame in socket:
                event = json.loads(frame)
                message = event.get("message") or message
                if event["type"] == "delta":
                    text += event["text"]
                    begun.set()
        except ConnectionClosed:
            pass
        assert socket.close_code is not None
        return message, text, socket.close_code


def test_F5_answers_end_and_their_readers_have_all_of_it(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    ollama.script(SLOW, SLOW, SLOW)
    with server_of(run_environment, logs, ollama, drain=20) as ending:
        there = Api(ending, api.person)
        waiting_post = f"{ending.url}/api/v1/conversations/{api.conversation()}/messages/"

        async def run() -> tuple[tuple[str, str, int], httpx.Response, list[Event]]:
            begun = asyncio.Event()
            socket = asyncio.create_task(_read_socket(there, api.conversation(), begun))
            message = await asyncio.to_thread(there.begin, QUESTION)
            events = asyncio.create_task(asyncio.to_thread(there.follow, message))
            async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
                post = asyncio.create_task(
                    client.post(waiting_post, json={"content": QUESTION}, headers=there.headers)
                )
                await begun.wait()
                assert await asyncio.to_thread(ollama.wait_requests, 5, count=3)
                os.kill(ending.process.pid, signal.SIGTERM)
                return await socket, await post, await events

        (asked, shown, code), post, events = asyncio.run(run())
        assert code == 1012, "whoever has a socket comes back, to another process"
        assert ending.process.wait(20) in {0, -signal.SIGTERM}
    assert (post.status_code, post.json()["status"], post.json()["content"]) == (201, "finished", WORDS)
    assert events[-1]["type"] == "finished"
    assert "".join(one["text"] for one in events if one["type"] == "delta") == WORDS
    stored = api.message(asked)
    assert (stored["status"], stored["content"]) == ("finished", WORDS)
    assert WORDS.startswith(shown)
    assert ollama.aborted_streams == 0


def test_F5_what_takes_longer_is_interrupted_with_its_text_and_its_readers_are_told(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    ollama.script(ENDLESS)
    with server_of(run_environment, logs, ollama, drain=2) as ending:
        there = Api(ending, api.person)
        message = there.begin(QUESTION)
        with there.stream("GET", f"/messages/{message}/events/") as events:
            first = next(event for event in events if event["type"] == "delta")
            os.kill(ending.process.pid, signal.SIGTERM)
            told = time.monotonic()
            rest = list(events)
        assert 1.5 < time.monotonic() - told < 8
        assert ending.process.wait(10) in {0, -signal.SIGTERM}
    assert (rest[-1]["type"], rest[-1]["code"]) == ("failed", "interrupted")
    text = first["text"] + "".join(one["text"] for one in rest if one["type"] == "delta")
    stored = api.message(message)
    assert (stored["status"], stored["content"]) == ("interrupted", text)


def test_F5_a_question_that_comes_too_late_is_refused_and_may_be_asked_again(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    ollama.script(SLOW)
    with server_of(run_environment, logs, ollama, drain=20) as ending:
        there = Api(ending, api.person)
        running = there.begin(QUESTION)
        body = json.dumps({"content": QUESTION}).encode()
        conversation = api.conversation()

        def slowly() -> Iterator[bytes]:
            """A request that was under way when the process was told to end."""
            yield body[:5]
            assert there.get("/me/").status_code == 200, "by then what was sent before is read"
            os.kill(ending.process.pid, signal.SIGTERM)
            wait_for("it takes no questions", lambda: "they have 20 seconds to end" in ending.log.read_text())
            yield body[5:]

        late = httpx.post(
            f"{ending.url}/api/v1/conversations/{conversation}/messages/",
            content=slowly(),
            headers={**there.headers, "Content-Type": "application/json", "Content-Length": str(len(body))},
            timeout=30,
            trust_env=False,
        )
        assert ending.process.wait(20) in {0, -signal.SIGTERM}
    assert (late.status_code, late.json()["code"], late.headers["Retry-After"]) == (503, "restarting", "2")
    assert api.get(f"/conversations/{conversation}/messages/").json()["results"] == []
    assert api.message(running)["content"] == WORDS


def test_F5_an_open_connection_is_answered_once_more_and_then_told_to_go(
    api: Api, ollama: OllamaStandIn, run_environment: Environment, logs: Path
) -> None:
    """Whatever is on its way when the process is told to end is carried out, on each of many connections."""
    lingering = {"OLLAMA_HOST": ollama.url, "DOCENT_DRAIN_SECONDS": "20", "DOCENT_LINGER_SECONDS": "20"}
    with (
        web_server({**run_environment.variables, **lingering}, logs / "web-linger.log") as ending,
        ExitStack() as stack,
    ):
        kept = httpx.Limits(keepalive_expiry=60)
        made = (httpx.Client(limits=kept, timeout=30, trust_env=False, verify=NO_TLS) for _ in range(12))
        clients = [stack.enter_context(client) for client in made]
        url = f"{ending.url}/api/v1/conversations/"
        for client in clients:
            assert client.get(url, headers=api.headers).headers.get("Connection") != "close"
        os.kill(ending.process.pid, signal.SIGTERM)
        wait_for("it takes its leave", lambda: _is_leaving(url, api.headers))
        for client in clients:
            answer = client.post(url, json={}, headers=api.headers)
            assert (answer.status_code, answer.headers["Connection"]) == (201, "close")
        assert ending.process.wait(10) in {0, -signal.SIGTERM}, "nobody is waited for any more"


def test_F5_who_asks_nothing_more_is_let_go(run_environment: Environment, logs: Path) -> None:
    lingering = {"DOCENT_DRAIN_SECONDS": "20", "DOCENT_LINGER_SECONDS": "1"}
    with (
        web_server({**run_environment.variables, **lingering}, logs / "web-leave.log") as ending,
        httpx.Client(trust_env=False, verify=NO_TLS) as client,
    ):
        client.get(f"{ending.url}/health/live")
        os.kill(ending.process.pid, signal.SIGTERM)
        told = time.monotonic()
        assert ending.process.wait(10) in {0, -signal.SIGTERM}
        assert 0.9 < time.monotonic() - told < 8


def _is_leaving(url: str, headers: dict[str, str]) -> bool:
    answer = httpx.get(url, headers={**headers, "Connection": "keep-alive"}, trust_env=False, verify=NO_TLS)
    return bool(answer.headers.get("Connection") == "close")

"""The example programs, run as they stand against a server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright._impl._driver import compute_driver_executable

from config.embedded import PROJECT
from tests.conversations.conftest import api, handbook_of_alice
from tests.conversations.doors import Api
from tests.factories import handbook
from tests.people import Person
from tests.plain import NO_TLS
from tests.processes import LiveServer, Running
from tests.standins.ollama import OllamaStandIn, Reply
from tests.tenants.hooks import PATH as HOOKS
from tests.tenants.hooks import send_now

__all__ = ["api", "handbook_of_alice"]

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLES = PROJECT / "docs" / "examples"
QUESTION = "How many days of paid holiday does a full-time employee have?"
ANSWER = "Every full-time employee has 28 days – “twenty-eight” 🏖️ – a year [1]."
QUOTE = "[1] handbook.pdf, p. 1: Every full-time employee has twenty-eight days of paid holiday a year."


def run(person: Person, server: LiveServer, *command: str, code: int = 0) -> tuple[list[str], str]:
    """What it prints, line by line, and its complaints."""
    variables = {"DOCENT_URL": server.url, "DOCENT_TOKEN": person.token, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        command,
        cwd=EXAMPLES,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.splitlines(), done.stderr


def node() -> str:
    """One's own, else the one that Playwright brought."""
    return shutil.which("node") or str(compute_driver_executable()[0])


def test_each_example_is_named_and_run() -> None:
    names = {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"}
    told = (EXAMPLES / "README.md").read_text()
    run_here = Path(__file__).read_text()
    assert names
    assert {name for name in names if f"({name})" not in told or f'"{name}"' not in run_here} == set()


def test_curl_has_a_conversation_from_its_beginning_to_its_end(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER), Reply(text=ANSWER))
    lines, _ = run(api.person, api.server, "sh", "curl.sh", QUESTION)
    assert lines[0].startswith("conversation: ")
    assert lines[1] == ANSWER
    assert [line for line in lines if line.startswith("event: ")][-1] == "event: finished"
    assert lines[-5:] == [
        "4",
        "From the command line",
        "Done",
        "ended",
        "This conversation has ended. Reopen it to go on.",
    ]
    assert api.get("/conversations/").json()["results"] == []


def test_requests_uploads_a_file_and_asks_on_in_the_same_session(
    bob: Person, worker: Running, live_server: LiveServer, tmp_path: Path
) -> None:
    """Without a language model."""
    file = tmp_path / "handbook.pdf"
    file.write_bytes(handbook())
    asked = (QUESTION, "Are night trains refunded?")
    lines, _ = run(bob, live_server, sys.executable, "upload_and_ask.py", str(file), *asked)
    assert lines[0] == "handbook.pdf: ready"
    text = "\n".join(lines)
    assert "twenty-eight days of paid holiday a year" in text
    assert f"  [1] handbook.pdf, page 1: {live_server.url}/o/acme/d/" in text
    assert text.index(asked[0]) < text.index(asked[1]) < text.index("Night trains are refunded")
    [session] = Api(live_server, bob).get("/conversations/").json()["results"]
    assert session["status"] == "active"


@pytest.mark.parametrize("client", ["stream.py", "stream.mjs"])
def test_an_answer_is_streamed_and_a_failure_said(api: Api, ollama: OllamaStandIn, client: str) -> None:
    command = (sys.executable if client.endswith(".py") else node(), client)
    ollama.script(Reply(text=ANSWER))
    lines, _ = run(api.person, api.server, *command, QUESTION)
    assert lines == [ANSWER, QUOTE]
    ollama.script(Reply(text=ANSWER, fault="error"))
    _, complaints = run(api.person, api.server, *command, QUESTION, code=1)
    assert "The model server reported an error." in complaints
    _, refused = run(api.person, api.server, *command, " ", code=1)
    assert "Ask a question: it is empty." in refused


def test_an_assistant_searches_reads_and_asks_by_mcp(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER), Reply(text=ANSWER, fault="error"))
    lines, progress = run(api.person, api.server, sys.executable, "mcp_client.py", QUESTION)
    assert lines[:2] == ["tools: search, fetch, ask, list_collections", "found:"]
    assert lines[2].startswith(f"  handbook.pdf, page 1: {api.server.url}/o/acme/d/")
    assert lines[-3:] == ["read: Staff handbook", ANSWER, QUOTE]
    assert "… Searching your documents…" in progress
    _, complaints = run(api.person, api.server, sys.executable, "mcp_client.py", QUESTION, code=1)
    assert "The model server reported an error." in complaints


def test_the_official_client_shows_an_answer_with_its_sources(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER))
    lines, _ = run(api.person, api.server, sys.executable, "openai_client.py", QUESTION)
    assert lines[0] == ANSWER
    assert lines[1].startswith(f"[1] handbook.pdf, p. 1: {api.server.url}/o/acme/d/")
    ollama.script(Reply(text=ANSWER, fault="error"))
    _, complaints = run(api.person, api.server, sys.executable, "openai_client.py", QUESTION, code=1)
    assert "The model server reported an error." in complaints


def test_LangChain_brings_what_was_said_before(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER), Reply(text="Yes [1]."))
    asked = (QUESTION, "Is every week of holiday paid for full-time employees?")
    lines, _ = run(api.person, api.server, sys.executable, "langchain.py", *asked)
    assert lines == [asked[0], ANSWER, "", asked[1], "Yes [1].", "", "384 numbers stand for the first question"]
    assert [turn["content"] for turn in ollama.requests[-1]["messages"]][1:3] == [QUESTION, ANSWER]


@pytest.mark.parametrize("receiver", ["webhook.py", "webhook.mjs"])
def test_a_receiver_believes_what_is_signed_and_nothing_else(alice: Person, receiver: str) -> None:
    made = alice.full_api.post(HOOKS, {"url": "http://127.0.0.1:1/", "events": ["document.ready"]}).json()
    command = (sys.executable if receiver.endswith(".py") else node(), receiver)
    variables = {"PATH": os.environ["PATH"], "WEBHOOK_SECRET": made["secret"], "PORT": "0"}
    with subprocess.Popen(command, cwd=EXAMPLES, env=variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{process.stdout.readline().split()[-1]}/"
            assert httpx.post(url, json={"type": "ping", "data": {}}, verify=NO_TLS).status_code == 400
            alice.full_api.patch(f"{HOOKS}{made['id']}/", {"url": url})
            told = alice.full_api.post(f"{HOOKS}{made['id']}/test/").json()
            send_now(alice)
            alice.full_api.post(f"{HOOKS}{made['id']}/deliveries/{told['id']}/redeliver/")
            send_now(alice)
            alice.full_api.post(f"{HOOKS}{made['id']}/rotate-secret/")
            alice.full_api.post(f"{HOOKS}{made['id']}/test/")
            send_now(alice)
            [last, first] = alice.full_api.get(f"{HOOKS}{made['id']}/deliveries/").json()["results"]
        finally:
            process.kill()
        lines = process.stdout.read().splitlines()
    assert [(one["status"], one["response_status"]) for one in (last, first)] == [("delivered", 204)] * 2
    # Sent twice and told once; with the former secret the day's second signature is the right one.
    assert [line.split()[0] for line in lines] == ["ping", "ping"]
    assert made["id"] in lines[0]


@pytest.mark.parametrize("client", ["ask_a_file.py", "ask_a_file.mjs", "ask_a_file.sh"])
def test_the_main_job_from_the_file_to_the_page_that_an_answer_cites(
    bob: Person, worker: Running, live_server: LiveServer, tmp_path: Path, client: str
) -> None:
    """Without a language model."""
    file = tmp_path / "handbook.pdf"
    file.write_bytes(handbook())
    command = {"py": sys.executable, "mjs": node(), "sh": "sh"}[client.rpartition(".")[2]]
    lines, _ = run(bob, live_server, command, client, str(file), QUESTION)
    text = "\n".join(lines)
    assert "Every full-time employee has twenty-eight days of paid holiday a year." in text
    assert lines[-1] == "Asked"
    if client.endswith(".sh"):
        assert lines[0] == "ready"
        assert lines[-4:-1] == ["True", "handbook.pdf", "up"]
    else:
        assert "ready 100%" in lines
        assert "[1] p. 1: Every full-time employee has twenty-eight days of paid holiday a year." in lines
        assert lines[-2] == "nearest passage: handbook.pdf, p. 1"
    api = Api(live_server, bob)
    [conversation] = api.get("/conversations/").json()["results"]
    assert conversation["title"] == "Asked"
    [_, answer] = api.get(f"/conversations/{conversation['id']}/messages/").json()["results"]
    assert answer["feedback"]["rating"] == "up"

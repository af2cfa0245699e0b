"""Open WebUI, pointed at `/openai/v1`: it lists the models, and somebody chats in it and sees citations.

`--program` is its program (`pip install open-webui` in an environment of its own), `--shots` a folder for a
picture of the chat. Only our model server is a stand-in. One line for each thing that was looked at; the exit code
says whether all of it was right.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Locator, Page, expect, sync_playwright

from bench.corpus import Pdf
from bench.portal import BenchError, Portal, free_port, portal, upload
from bench.seen import Seen, print_all
from tests.browser.chromium import chromium_options

_STARTED_WITHIN = 180.0
_PATIENCE_MS = 60_000
_FILE = "ferries.txt"
_TEXT = b"The ferry to Aldermouth leaves from pier four at noon.\n\nTickets are sold at the kiosk by the gate.\n"
_QUESTION = "From which pier does the ferry to Aldermouth leave?"


def see_all(program: Path, shots: Path | None) -> Iterator[Seen]:
    with portal() as running, tempfile.TemporaryDirectory(prefix="docent-open-webui-") as folder:
        upload(running, [Pdf(_FILE, _TEXT, 1)])
        with _open_webui(program, running, Path(folder)) as url, httpx.Client(base_url=url, timeout=60) as client:
            signed_in = client.post("/api/v1/auths/signin", json={"email": "", "password": ""}).raise_for_status()
            client.headers["Authorization"] = f"Bearer {signed_in.json()['token']}"
            # What is new in it has been read.
            version = client.get("/api/config").raise_for_status().json()["version"]
            client.post("/api/v1/users/user/settings/update", json={"ui": {"version": version}}).raise_for_status()
            yield _models(running, client)
            yield from _chat(url, shots)


def _models(running: Portal, client: httpx.Client) -> Seen:
    with running.client() as own:
        there = own.get(f"{running.url}/openai/v1/models").raise_for_status().json()["data"]
    found = client.get("/api/models").raise_for_status().json()["data"]
    told = sorted(one["id"] for one in found)
    is_right = "docent" in told and {one["id"] for one in there} <= set(told)
    return Seen("the models are listed", is_right, ", ".join(told))


def _chat(url: str, shots: Path | None) -> Iterator[Seen]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium_options())
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(_PATIENCE_MS)
        expect.set_options(timeout=_PATIENCE_MS)
        page.goto(f"{url}/?models=docent")
        yield from _asked(page)
        if shots is not None:
            shots.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=shots / "open-webui.png")
        browser.close()


def _asked(page: Page) -> Iterator[Seen]:
    field = page.locator("#chat-input")
    field.click()
    field.press_sequentially(_QUESTION)
    field.press("Enter")
    answer = page.locator(".chat-assistant").last
    expect(answer).to_contain_text("pier four")
    yield _seen("a question is answered", answer)
    sources = answer.get_by_role("button").filter(has_text="ferries")
    expect(sources.first).to_be_visible()
    yield _seen("its source is cited", sources.first)


def _seen(name: str, element: Locator) -> Seen:
    """What is there: whoever waited in vain for it was told by an error."""
    return Seen(name, is_right=True, told=" ".join(element.inner_text().split())[:100])


@contextmanager
def _open_webui(program: Path, running: Portal, folder: Path) -> Iterator[str]:
    """Its address, without log-in and without anything of its own but the chat."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        **os.environ,
        "DATA_DIR": str(folder),
        "WEBUI_AUTH": "False",
        "WEBUI_SECRET_KEY": "of-this-run-alone-and-of-no-other",
        "OPENAI_API_BASE_URL": f"{running.url}/openai/v1",
        "OPENAI_API_KEY": running.token,
        "ENABLE_OLLAMA_API": "False",
        "OFFLINE_MODE": "True",
        "HF_HUB_OFFLINE": "1",
        "RAG_EMBEDDING_ENGINE": "openai",
        "ENABLE_VERSION_UPDATE_CHECK": "False",
    }
    command = [str(program), "serve", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "open-webui.log"
    with (
        log.open("wb") as told,
        subprocess.Popen(command, env=environ, cwd=folder, stdout=told, stderr=told) as own,
    ):
        try:
            _wait(url, own, log)
            yield url
        finally:
            own.terminate()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _STARTED_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", timeout=5, trust_env=False).is_success:
                return
        time.sleep(0.5)
    raise BenchError(f"Open WebUI does not start:\n{log.read_text()[-2000:]}")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--program", type=Path, required=True, help="the program open-webui")
    options.add_argument("--shots", type=Path, help="a folder for pictures")
    chosen = options.parse_args()
    return print_all(see_all(chosen.program, chosen.shots))


if __name__ == "__main__":
    sys.exit(main())

"""A portal as people start it, a Chromium of the machine, and what it says."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from bench.corpus import pdfs, questions
from bench.figures import Figure
from bench.pages.talk import ANSWER, long_talk
from bench.pages.watching import WATCH, Painted, Wire, now, painted, streaming
from bench.portal import BenchError, Portal, ask, manage, portal, upload
from tests.standins.ollama import OllamaStandIn, Reply

MESSAGES = 500
VISITS = 5
_ANSWERS = 6
_PAGES = 40
_TOKENS_PER_SECOND = 150.0
_PASSWORD = "a-long-password"  # noqa: S105 - of a portal that is gone in a minute
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_MS = 1000
_PLACES = {"log-in": "accounts/login/", "new chat": "", "documents": "documents/", "settings": "settings/"}


async def measure() -> list[Figure]:
    with OllamaStandIn() as model, portal(model=model.url) as running:
        upload(running, pdfs(None, _PAGES))
        talk = _long_talk(running)
        _set_password(running)
        async with _chromium() as browser:
            figures = [await _first_visit(browser, running)]
            async with _person(browser, running) as context:
                figures += [figure async for figure in _painted(context, running, talk)]
                for name, place in (("in a new chat", ""), (f"after {MESSAGES} messages", f"c/{talk}/")):
                    figures += await _streamed(context, running, model, name, place)
                figures += [await _answered(context, running, talk)]
    return figures


def _long_talk(running: Portal) -> str:
    """Begin a conversation of `MESSAGES` messages; its id."""
    with running.client() as client:
        first = ask(client, questions(1)[0])["conversation"]
        client.post(f"/conversations/{first}/archive/").raise_for_status()
        [archive] = client.get("/conversations/archives/").raise_for_status().json()["results"]
        record = client.get(f"/conversations/archives/{archive['id']}/").raise_for_status().json()
        made = client.post("/conversations/archives/", json=long_talk(record, MESSAGES))
        if made.is_error:
            raise BenchError(f"the conversation is refused: {made.text}")
        return str(made.json()["id"])


def _set_password(running: Portal) -> None:
    call = (
        "from allauth.account.models import EmailAddress; from tenants.models import User\n"
        f"one = User.objects.get(email='{running.slug}@example.org')\n"
        f"one.set_password({_PASSWORD!r}); one.save()\n"
        "EmailAddress.objects.filter(user=one).delete()\n"
        "EmailAddress.objects.create(user=one, email=one.email, verified=True, primary=True)\n"
        "print('done')"
    )
    manage({**os.environ, "DOCENT_DATA": str(running.data)}, "shell", "-c", call)


@asynccontextmanager
async def _chromium() -> AsyncIterator[Browser]:
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--disable-gpu", *as_root])
        yield browser
        await browser.close()


async def _log_in(page: Page, running: Portal) -> None:
    await page.goto(f"{running.url}/accounts/login/?next=/o/{running.slug}/")
    await page.get_by_label("Email").fill(f"{running.slug}@example.org")
    await page.get_by_label("Password").fill(_PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await expect(page.get_by_label("Your question")).to_be_visible()


async def _first_visit(browser: Browser, running: Portal) -> Figure:
    context = await browser.new_context()
    page = await context.new_page()
    wire = Wire(page)
    await _log_in(page, running)
    await page.wait_for_load_state("networkidle")
    sizes = await wire.sizes()
    await context.close()
    total = sum(sizes.values())
    ends = {"scripts, kB": ".js", "style sheets, kB": ".css", "pictures, kB": ".svg"}
    details = {
        name: sum(size for url, size in sizes.items() if url.endswith(end)) / 1000 for name, end in ends.items()
    }
    return Figure(
        name="A first visit: log-in page and a new chat",
        value=total / 1000,
        unit="kB",
        target=200,
        details={**details, "requests": len(sizes)},
    )


@asynccontextmanager
async def _person(browser: Browser, running: Portal) -> AsyncIterator[BrowserContext]:
    """Somebody who has been here before: the files are there."""
    context = await browser.new_context()
    await context.add_init_script(WATCH)
    page = await context.new_page()
    await _log_in(page, running)
    await page.close()
    yield context
    await context.close()


async def _painted(context: BrowserContext, running: Portal, talk: str) -> AsyncIterator[Figure]:
    visits = [await _opened(context, f"{running.url}/o/{running.slug}/c/{talk}/") for _ in range(VISITS)]

    def middle(name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in visits))

    yield Figure(
        name=f"A chat of {MESSAGES} messages: first paint, median of {VISITS}",
        value=middle("first"),
        unit="ms",
        target=_MS,
        details={
            "first byte": middle("first_byte"),
            "largest paint": middle("largest"),
            "loaded": middle("complete"),
            "longest task": max((task for one in visits for task in one.long_tasks), default=0.0),
        },
    )


async def _opened(context: BrowserContext, url: str) -> Painted:
    page = await context.new_page()
    await page.goto(url)
    found = await painted(page)
    await page.close()
    return found


async def _streamed(
    context: BrowserContext, running: Portal, model: OllamaStandIn, name: str, place: str
) -> Iterator[Figure]:
    page = await context.new_page()
    await page.goto(f"{running.url}/o/{running.slug}/{place}")
    text = f"{ANSWER}\n\n" * _ANSWERS
    model.script(Reply(text=text, tokens_per_second=_TOKENS_PER_SECOND))
    began = await now(page)
    # By its place: to look for its name among so many elements takes the page's own time.
    await page.locator("[data-field]").fill(questions(1)[0])
    await page.locator("[data-field]").press("Enter")
    await expect(page.locator(".answer").last.locator(".answer-actions")).to_be_visible(timeout=60_000)
    seen = await streaming(page, began)
    await page.close()
    return iter(
        (
            Figure(
                name=f"Words drawn, {name}", value=seen.frames_per_second, unit="frames/s", target=20,
                more_is_better=True, details={"frames": len(seen.frames)},
            ),
            Figure(
                name=f"Longest task while an answer streams, {name}", value=max(seen.long_tasks, default=0.0),
                unit="ms", target=50, details={"long tasks": len(seen.long_tasks)},
            ),
            Figure(name=f"Layout shift, {name}, in thousandths", value=seen.shift * 1000, unit="", target=20),
        )
    )  # fmt: skip


async def _answered(context: BrowserContext, running: Portal, talk: str) -> Figure:
    """The server's own time, as a browser that is logged in waits for it."""
    waited: dict[str, list[float]] = {}
    for name, place in {**_PLACES, f"chat of {MESSAGES} messages": f"c/{talk}/"}.items():
        base = running.url if name == "log-in" else f"{running.url}/o/{running.slug}"
        for _ in range(VISITS):
            page = await context.new_page()
            await page.goto(f"{base}/{place}")
            timing: Any = await page.evaluate(
                "() => performance.getEntriesByType('navigation').map((it) => it.responseEnd - it.requestStart)[0]"
            )
            waited.setdefault(name, []).append(timing)
            await page.close()
    middles = {name: statistics.median(times) for name, times in waited.items()}
    return Figure(
        name="The slowest page's whole answer, median",
        value=max(middles.values()),
        unit="ms",
        target=500,
        details=middles,
    )

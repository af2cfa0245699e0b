"""A newcomer's walk in a real browser, a picture a step: desktop, light and dark, and a phone; right-to-left too.

A whole Docent is started for it and thrown away afterwards. `python -m bench.walk FOLDER` leaves the pictures in
a folder for each light and language, for people to look at and to lay beside those of others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright, expect

from bench.portal import portal
from bench.walk.steps import Newcomers, Walk
from config.embedded import PROJECT

HANDBOOK = PROJECT / "config/demo_documents/visitor-services-handbook.pdf"
QUESTIONS = (
    "How many people make a group?",
    "Until when can an online ticket be refunded in full?",
)
_PATIENCE_MS = 30_000
# The one on PATH, else the one that Playwright brought.
_CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_LINK = re.compile(r"https?://\S+/accounts/confirm-email/\S+")
_DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
_PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


@dataclass(frozen=True, slots=True)
class Look:
    """A light, a screen and a language; `name` is its folder's."""

    name: str
    options: Mapping[str, Any]


def looks(languages: list[str]) -> list[Look]:
    found = [
        Look("desktop-light", _DESKTOP | {"color_scheme": "light", "locale": "en"}),
        Look("desktop-dark", _DESKTOP | {"color_scheme": "dark", "locale": "en"}),
        Look("phone-light", _PHONE | {"color_scheme": "light", "locale": "en"}),
        Look("phone-dark", _PHONE | {"color_scheme": "dark", "locale": "en"}),
    ]
    for language in languages:
        found += [
            Look(f"desktop-{language}", _DESKTOP | {"color_scheme": "light", "locale": language}),
            Look(f"phone-{language}", _PHONE | {"color_scheme": "dark", "locale": language}),
        ]
    return found


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m bench.walk", description=__doc__)
    options.add_argument("folder", type=Path, help="where the pictures go")
    options.add_argument(
        "--language", action="append", default=[], help="a further one, such as ar; may be repeated"
    )
    given = options.parse_args()
    ways = looks(given.language)
    for look in ways:
        (given.folder / look.name).mkdir(parents=True, exist_ok=True)
    # Without a model server: what anybody has who starts Docent for the first time.
    with (
        tempfile.TemporaryDirectory(prefix="docent-letters-") as letters,
        portal(model="", more={"DOCENT_EMAIL_URL": f"filemail:///{letters}"}) as running,
    ):
        asyncio.run(_walk(running.url, Path(letters), ways, given.folder))
    return 0


async def _walk(url: str, letters: Path, ways: list[Look], folder: Path) -> None:
    expect.set_options(timeout=_PATIENCE_MS)
    async with async_playwright() as playwright:
        path = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=path, args=as_root)
        for number, look in enumerate(ways):
            contexts = [await browser.new_context(**look.options) for _ in range(2)]
            pages = [await context.new_page() for context in contexts]
            people = _newcomers(pages, number + 1)
            await Walk(url, people, _pictures(folder / look.name), _confirmation_in(letters)).go()
            for context in contexts:
                await context.close()
        await browser.close()


def _newcomers(pages: list[Page], number: int) -> Newcomers:
    newcomer, colleague = pages
    return Newcomers(
        newcomer=newcomer,
        colleague=colleague,
        organisation=f"Wrenfield Museum {number}",
        emails=(f"wren{number}@example.org", f"field{number}@example.org"),
        document=HANDBOOK,
        questions=QUESTIONS,
    )


def _pictures(folder: Path) -> Callable[[str, Page], Awaitable[None]]:
    taken: list[str] = []

    async def picture(step: str, page: Page) -> None:
        taken.append(step)
        path = folder / f"{len(taken):02}-{step}.png"
        # What has just come is laid out, and scrolled to, before the picture is taken.
        await page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
        await page.screenshot(path=path, animations="disabled")
        print(path, flush=True)

    return picture


def _confirmation_in(letters: Path) -> Callable[[str], Awaitable[str]]:
    """Finds the link by which somebody confirms their address, in the latest message to it."""

    def link(email: str) -> str:
        for path in sorted(letters.iterdir(), key=lambda one: one.stat().st_mtime_ns, reverse=True):
            text = path.read_bytes()
            if f"To: {email}".encode() in text and (found := _LINK.search(_body(text))):
                return found[0]
        raise LookupError(f"{email} was sent no link")

    async def looked_up(email: str) -> str:
        return await asyncio.to_thread(link, email)

    return looked_up


def _body(letter: bytes) -> str:
    payload = message_from_bytes(letter).get_payload(decode=True)
    return payload.decode() if isinstance(payload, bytes) else ""


if __name__ == "__main__":
    sys.exit(main())

"""A newcomer's first hour, step by step as `python -m bench.walk` photographs it."""

from __future__ import annotations

from pathlib import Path

from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from asgiref.sync import sync_to_async
from playwright.async_api import Page
from pytest_django import DjangoDbBlocker

from bench.walk.steps import Newcomers, Walk
from tests.browser.conftest import OpenPortal
from tests.factories import handbook
from tests.processes import Running

STEPS = [
    *("landing", "sign-up", "first-page", "no-documents", "document-ready", "document"),
    *("about-one-document", "answer", "citation", "source", "invited"),
    *("invitation", "account", "message-sent", "confirm-address", "accept", "welcome", "colleagues-answer"),
]


async def test_a_newcomer_signs_up_asks_and_invites_a_colleague_who_asks_too(
    open_portal: OpenPortal, worker: Running, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    newcomer, colleague = await open_portal(None), await open_portal(None)
    document = tmp_path / "handbook.pdf"
    document.write_bytes(handbook())
    taken: list[str] = []

    async def note(step: str, page: Page) -> None:
        taken.append(step)

    def link(email: str) -> str:
        with django_db_blocker.unblock():
            address = EmailAddress.objects.get(email=email)
        return f"{newcomer.url}accounts/confirm-email/{EmailConfirmationHMAC(address).key}/"

    people = Newcomers(
        newcomer=newcomer.page,
        colleague=colleague.page,
        organisation="Lighthouse Society",
        emails=("founder@lighthouse.example", "friend@lighthouse.example"),
        document=document,
        questions=("How many days of paid holiday are there?", "Are night trains refunded?"),
    )
    await Walk(newcomer.url, people, note, sync_to_async(link)).go()
    assert taken == STEPS

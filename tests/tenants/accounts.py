"""What people do with their accounts, as a browser does it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage

from tests.people import Browser

PASSWORD = "a-long-password"


def log_in(
    browser: Browser, email: str, password: str = PASSWORD, *, headers: dict[str, str] | None = None, **fields: str
) -> Any:
    return browser.post("/accounts/login/", {"login": email, "password": password, **fields}, headers=headers)


def sign_up(browser: Browser, email: str, organisation: str = "Blue Lighthouse", **fields: str) -> Any:
    form = {"email": email, "password1": "lamps-and-lenses", "organisation": organisation, **fields}
    return browser.post("/accounts/signup/", form)


def is_logged_in(browser: Browser) -> bool:
    return browser.get("/accounts/sessions/").status_code == 200


def reauthenticate(browser: Browser, password: str = PASSWORD) -> None:
    assert browser.post("/accounts/reauthenticate/", {"password": password}).status_code == 302


def mails_to(email: str) -> list[EmailMessage]:
    return [one for one in mail.outbox if one.to == [email]]


def link_in(message: EmailMessage) -> str:
    """The path of the only link, which must lead to the address that people use."""
    links = re.findall(r"https?://\S+/accounts/\S+", str(message.body))
    assert len(links) == 1, message.body
    assert links[0].startswith(f"{settings.DOCENT_PUBLIC_URL}/")
    return str(urlsplit(links[0]).path)


def verify(browser: Browser, email: str) -> Any:
    """Open the latest link that was mailed to the address, and confirm."""
    return browser.post(link_in(mails_to(email)[-1]))


def seen_in(response: Any) -> tuple[int, str]:
    """What can be told from an answer, but for what is random or was typed in."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value|nonce)="[^"]+"', "", response.content.decode())
    return response.status_code, re.sub(r"[\w.-]+@example\.\w+", "EMAIL", text)

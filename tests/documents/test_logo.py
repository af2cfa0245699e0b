"""An organisation's logo and colour: drawn anew, seen by its people, before the log-in only where it says so."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from conversations.services.conversations import create_conversation
from tenants.db import tenant_atomic
from tenants.models import AuditEvent, Logo, Tenant
from tests.people import Browser, Person

pytestmark = pytest.mark.django_db(transaction=True)

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

NONCE = re.compile(rb'nonce="[^"]+"')


def picture(kind: str = "PNG", size: tuple[int, int] = (900, 300), **options: Any) -> bytes:
    made = io.BytesIO()
    mode = "RGB" if kind == "JPEG" else "RGBA"
    Image.new(mode, size, (170, 51, 17)).save(made, kind, **options)
    return made.getvalue()


def send(person: Person, path: str, **form: Any) -> Any:
    return person.client.post(f"/o/{person.slug}/settings/organisation/{path}/", form)


def upload(person: Person, content: bytes, name: str = "logo.png") -> Any:
    return send(person, "logo", logo=SimpleUploadedFile(name, content))


def logo(person: Person) -> Any:
    return person.client.get(f"/o/{person.slug}/logo/")


def events(person: Person) -> list[Any]:
    with tenant_atomic(person.access.tenant_id):
        return [one.data["fields"] for one in AuditEvent.objects.filter(action="tenant.changed").order_by("at")]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_drawn_anew_and_shown_to_the_organisation(
    adam: Person, bob: Person, charlie: Person, kind: str
) -> None:
    sent = picture(kind) + b"<script>alert(1)</script>"
    assert upload(adam, sent).status_code == 302
    shown = logo(bob)
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/webp")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Security-Policy"] == "sandbox"
    assert shown.headers["Cache-Control"] == "private, no-cache"
    with Image.open(io.BytesIO(shown.content)) as drawn:
        assert (drawn.format, drawn.size) == ("WEBP", (480, 160))
    assert b"script" not in shown.content
    again = bob.client.get(f"/o/{bob.slug}/logo/", headers={"If-None-Match": shown.headers["ETag"]})
    assert again.status_code == 304
    assert f'src="/o/acme/logo/?v={shown.headers["ETag"][1:9]}"' in bob.client.get("/o/acme/").content.decode()
    assert events(adam) == [["logo_sha256"]]

    assert logo(charlie).status_code == 302, "theirs has none"
    assert charlie.client.get("/o/acme/logo/").status_code == 404
    refusals = [charlie.client.get(f"/o/{one}/logo/").content for one in ("acme", "nobody")]
    assert len({NONCE.sub(b"", one) for one in refusals}) == 1
    assert "/logo/" not in charlie.client.get("/o/globex/").content.decode()


def test_a_printed_conversation_bears_it(adam: Person, bob: Person, charlie: Person) -> None:
    upload(adam, picture())
    shown = b64encode(logo(bob).content)
    for person, bears in ((bob, True), (charlie, False)):
        begun = create_conversation(access=person.access, title="Leave")
        url = f"/o/{person.slug}/c/{begun.id}/export/?format=html"
        printed = person.client.get(url)
        printed_bytes = b"".join(printed) if printed.streaming else printed.content
        assert (shown in printed_bytes, b"<img" in printed_bytes) == (bears, bears)
        assert b"img-src data:" in printed_bytes


def test_another_takes_its_place_and_it_goes_without_a_trace(adam: Person, bob: Person) -> None:
    upload(adam, picture(size=(40, 40)))
    first = logo(bob).content
    upload(adam, picture(size=(60, 40)))
    assert logo(bob).content != first
    with tenant_atomic(adam.access.tenant_id):
        assert Logo.objects.count() == 1
    send(adam, "logo/remove")
    send(adam, "logo/remove")
    assert logo(bob).headers["Location"].endswith(".svg")
    with tenant_atomic(adam.access.tenant_id):
        assert Logo.objects.count() == 0
    assert events(adam) == [["logo_sha256"]] * 3


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (SVG, "no PNG, JPEG or WebP"),
        (b"no picture", "no PNG, JPEG or WebP"),
        (b"", "is empty"),
        (picture("GIF"), "no PNG, JPEG or WebP"),
        (picture()[:-200], "no PNG, JPEG or WebP"),
        (picture(size=(5000, 4000)), "16 million"),
        (b"\x89PNG" + b"0" * (2 * 1024 * 1024), "at most 2 MB"),
    ],
    ids=["svg", "text", "empty", "gif", "cut", "flood", "large"],
)
def test_U6_U9_what_is_no_such_picture_is_refused(adam: Person, content: bytes, detail: str) -> None:
    answer = upload(adam, content, "logo.svg")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/logo")
    assert detail in answer.json()["errors"][0]["detail"]
    assert logo(adam).status_code == 302
    assert events(adam) == []


def test_only_who_manages_the_organisation_changes_how_it_looks(
    bob: Person, dana: Person, adam: Person, charlie: Person
) -> None:
    for person in (bob, dana):
        assert upload(person, picture()).status_code == 403
        assert send(person, "logo/remove").status_code == 403
        assert send(person, "brand", has_accent="on", accent="#aa3311").status_code == 403
        assert "Logo and colour" not in person.client.get("/o/acme/settings/organisation/").content.decode()
    assert Tenant.objects.get(slug="acme").accent == ""
    assert send(adam, "brand", has_accent="on", accent="#AA3311").status_code == 302
    assert Tenant.objects.get(slug="acme").accent == "#aa3311"
    assert Tenant.objects.get(slug="globex").accent == ""
    assert events(adam) == [["accent"]]
    assert send(adam, "brand", has_accent="on", accent="red").status_code == 400
    assert send(adam, "brand", accent="#aa3311").status_code == 302
    assert Tenant.objects.get(slug="acme").accent == ""


def test_the_colour_reaches_every_page_of_the_organisation_alone(
    adam: Person, bob: Person, charlie: Person
) -> None:
    send(adam, "brand", has_accent="on", accent="#ffd400")
    assert '<link rel="stylesheet" href="/accents/ffd400.css">' in bob.client.get("/o/acme/").content.decode()
    assert "/accents/" not in charlie.client.get("/o/globex/").content.decode()
    sheet = Browser().get("/accents/ffd400.css")
    assert (sheet.status_code, sheet.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "--accent: light-dark(#" in sheet.content.decode()
    for wrong in ("red", "ffd40", "FFD400", "ffd400}"):
        assert Browser().get(f"/accents/{wrong}.css").status_code == 404
    shown = adam.client.get("/o/acme/settings/organisation/").content.decode()
    assert "#ffd400 itself has 1." in shown
    assert "Shown as it was chosen." in shown
    asked = adam.client.get("/o/acme/settings/organisation/?accent=%23000000").content.decode()
    assert "#000000 itself has" in asked


def test_A4_before_the_log_in_an_organisation_shows_itself_only_if_it_wants_to(adam: Person) -> None:
    stranger = Browser()
    login = "/accounts/login/?next=/o/{}/"
    upload(adam, picture())
    send(adam, "brand", has_accent="on", accent="#aa3311")
    hidden, missing = (stranger.get(login.format(slug)).content.decode() for slug in ("acme", "nobody"))
    assert "entrance-brand" not in hidden + missing
    assert "/accents/" not in hidden
    send(adam, "brand", has_accent="on", accent="#aa3311", shows_brand_at_log_in="on")
    shown = stranger.get(login.format("acme")).content.decode()
    assert "<span>Acme</span>" in shown
    assert 'src="data:image/webp;base64,' in shown
    assert "/accents/aa3311.css" in shown
    assert "entrance-brand" not in stranger.get("/accounts/login/").content.decode()

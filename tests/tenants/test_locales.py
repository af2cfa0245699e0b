"""Which language and clock a request, a mail and a program get: the person's, the cookie's, the browser's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core import mail
from django.utils import timezone, translation

from tenants.locales import find_zone, speaking_to
from tenants.models import User
from tests.people import ApiClient, Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Whatever a test asks in, the next one begins in English."""
    yield
    assert translation.get_language() == "en"
    assert timezone.get_current_timezone_name() == "UTC"


def language_of(person: Person, path: str = "documents/", **headers: str) -> str:
    answer = person.client.get(f"/o/{person.slug}/{path}", headers=headers)
    assert answer.status_code == 200
    return str(answer["Content-Language"])


def choose(person: Person, language: str, time_zone: str = "") -> None:
    User.objects.filter(pk=person.user.pk).update(language=language, time_zone=time_zone)


def test_the_browser_is_believed_until_a_cookie_or_the_person_says_otherwise(alice: Person) -> None:
    assert language_of(alice) == "en"
    assert language_of(alice, **{"Accept-Language": "ar-EG,de;q=0.5"}) == "ar"
    assert language_of(alice, **{"Accept-Language": "tlh"}) == "en"
    alice.client.cookies["django_language"] = "ar"
    assert language_of(alice, **{"Accept-Language": "en"}) == "ar"
    choose(alice, "en")
    assert language_of(alice, **{"Accept-Language": "ar"}) == "en"
    choose(alice, "no-such-language")
    assert language_of(alice, **{"Accept-Language": "en"}) == "ar"


def test_one_persons_choice_is_nobody_elses(alice: Person, bob: Person, charlie: Person) -> None:
    choose(alice, "ar")
    assert [language_of(one) for one in (alice, bob, charlie)] == ["ar", "en", "en"]


def test_caches_keep_the_languages_apart(alice: Person) -> None:
    answer = alice.client.get(f"/o/{alice.slug}/documents/")
    assert {"Accept-Language", "Cookie"} <= {one.strip() for one in answer["Vary"].split(",")}


def test_the_clock_is_the_persons_else_the_browsers_else_the_servers(alice: Person) -> None:
    def offset() -> str:
        page = alice.client.get(f"/o/{alice.slug}/settings/audit/").content.decode()
        return page.partition('<time datetime="')[2].partition('"')[0][-6:]

    assert offset() == "+00:00"
    alice.client.cookies["zone"] = "Asia/Tokyo"
    assert offset() == "+09:00"
    for nonsense in ("../../etc/passwd", "Mars/Olympus", ""):
        alice.client.cookies["zone"] = nonsense
        assert offset() == "+00:00"
    choose(alice, "", "Asia/Kathmandu")
    assert offset() == "+05:45"
    assert find_zone("../etc/localtime") is None


def refused(program: ApiClient, **headers: str) -> tuple[str, str, str]:
    answer = program.get("/api/v1/documents/00000000-0000-0000-0000-000000000000/", headers=headers)
    body = answer.json()
    return body["code"], body["detail"], answer["Content-Language"]


def test_programs_hear_english_unless_they_ask_for_another_language(alice: Person) -> None:
    """The person's own choice is for pages: logs of programs are to be searchable. Codes never change."""
    choose(alice, "ar")
    assert refused(alice.api) == ("not_found", "There is no such document.", "en")
    assert refused(alice.api, **{"Accept-Language": "*"}) == ("not_found", "There is no such document.", "en")
    assert refused(alice.api, **{"Accept-Language": "ar"}) == ("not_found", "لا يوجد مستند كهذا.", "ar")


def test_what_is_filled_in_and_what_points_at_a_field_is_translated_too(alice: Person) -> None:
    body = {"name": "x" * 200}
    english = alice.full_api.post("/api/v1/groups/", body).json()
    arabic = alice.full_api.post("/api/v1/groups/", body, headers={"Accept-Language": "ar"}).json()
    assert arabic["errors"][0]["pointer"] == english["errors"][0]["pointer"] == "/name"
    assert arabic["errors"][0]["code"] == english["errors"][0]["code"]
    assert arabic["errors"][0]["detail"] != english["errors"][0]["detail"]


def test_mail_speaks_the_language_of_whom_it_is_for(alice: Person, charlie: Person) -> None:
    choose(charlie, "ar")
    for address in (charlie.user.email, "stranger@example.org"):
        made = alice.full_api.post("/api/v1/invitations/", {"email": address, "role": "member"})
        assert made.status_code == 201
    assert [one.subject for one in mail.outbox] == [
        "أنت مدعوّ إلى \u2068Acme\u2069 على Docent",
        "You are invited to Acme on Docent",
    ]


def test_who_has_chosen_nothing_is_spoken_to_as_who_asks(alice: Person) -> None:
    with translation.override("ar"), speaking_to(User.objects.get(pk=alice.user.pk)):
        assert translation.get_language() == "ar"
    choose(alice, "en", "Asia/Tokyo")
    with translation.override("ar"), speaking_to(User.objects.get(pk=alice.user.pk)):
        assert translation.get_language() == "en"
        assert timezone.get_current_timezone_name() == "Asia/Tokyo"


def test_numbers_are_written_with_the_digits_that_pages_are_numbered_with(alice: Person) -> None:
    choose(alice, "ar")
    page = alice.client.get(f"/o/{alice.slug}/settings/usage/").content.decode()
    assert not any(digit in page for digit in "٠١٢٣٤٥٦٧٨٩")

"""One's own settings: kept with the person, for every organisation, and of nobody else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tenants.models import Theme, User
from tenants.presentation.time_zones import time_zones, zones_by_region
from tests.people import Person

pytestmark = pytest.mark.django_db(transaction=True)

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
FORM = {
    "name": "  Bob  of the Mill ",
    "theme": "dark",
    "language": "en",
    "time_zone": "Pacific/Auckland",
    "announcing": "sentences",
    "reduces_streaming": "on",
}
KEPT = {
    "name": "Bob of the Mill",
    "theme": "dark",
    "language": "en",
    "time_zone": "Pacific/Auckland",
    "announcing": "sentences",
    "reduces_streaming": True,
    "uses_shortcuts": False,
}
FRESH = {
    "theme": "system",
    "language": "",
    "time_zone": "",
    "announcing": "whole",
    "reduces_streaming": False,
    "uses_shortcuts": True,
}


def change(person: Person, **form: Any) -> Any:
    return person.client.post(f"/o/{person.slug}/settings/you/change/", form, headers=BROWSER)


def kept(person: Person, *names: str) -> dict[str, Any]:
    found: dict[str, Any] = User.objects.filter(pk=person.user.pk).values(*names or KEPT).get()
    return found


def page(person: Person, path: str = "settings/you/") -> str:
    answer = person.client.get(f"/o/{person.slug}/{path}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_what_a_person_chooses_is_kept_and_is_theirs_alone(alice: Person, bob: Person, charlie: Person) -> None:
    others = [kept(one) for one in (alice, charlie)]
    assert kept(bob, *FRESH) == FRESH
    assert change(bob, **FORM).status_code == 302
    assert kept(bob) == KEPT
    assert [kept(one) for one in (alice, charlie)] == others
    shown = page(bob)
    assert '<option value="Pacific/Auckland" selected>Auckland</option>' in shown
    assert 'value="Bob of the Mill"' in shown
    form = shown.partition("you/change/")[2]
    assert re.findall(r'name="(\w+)"(?: value="(\w+)")?[^>]* checked', form) == [
        ("theme", "dark"),
        ("announcing", "sentences"),
        ("reduces_streaming", ""),
    ]


def test_every_page_comes_as_the_person_has_chosen(bob: Person, alice: Person) -> None:
    change(bob, **FORM)
    for path in ("", "documents/", "settings/you/"):
        root = page(bob, path).partition("<head>")[0]
        assert 'data-theme="dark"' in root
        assert 'data-announcing="sentences" data-reduces-streaming>' in root
        other = page(alice, path).partition("<head>")[0]
        assert "data-theme" not in other
        assert "data-shortcuts>" in other


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "n" * 151},
        {"theme": "pink"},
        {"language": "tlh"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../etc/passwd"},
        {"announcing": "never"},
    ],
    ids=str,
)
def test_what_is_wrong_is_said_and_changes_nothing(bob: Person, wrong: dict[str, str]) -> None:
    before = kept(bob)
    answer = bob.client.post(f"/o/{bob.slug}/settings/you/change/", FORM | wrong)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{next(iter(wrong))}")
    assert change(bob, **FORM | wrong).status_code == 302
    assert kept(bob) == before


def test_the_menus_theme_is_kept_and_remembered_for_the_log_in_page(bob: Person) -> None:
    url = f"/o/{bob.slug}/settings/you/theme/"
    answer = bob.client.post(url, {"theme": "dark"})
    assert (answer.status_code, kept(bob, "theme")) == (204, {"theme": Theme.DARK})
    assert bob.client.post(url, {"theme": "pink"}).status_code == 400
    assert kept(bob, "theme") == {"theme": Theme.DARK}
    bob.client.post("/accounts/logout/")
    assert 'data-theme="dark"' in bob.client.get("/accounts/login/").content.decode()


def test_a_theme_just_chosen_counts_before_the_server_has_kept_it(bob: Person) -> None:
    bob.client.cookies["theme_chosen"] = "dark"
    assert 'data-theme="dark"' in page(bob, "documents/")
    bob.client.cookies["theme_chosen"] = '"><script>'
    assert "data-theme" not in page(bob, "documents/").partition("<head>")[0]


def test_every_zone_can_be_chosen() -> None:
    offered = [zone for _, places in zones_by_region() for zone, _ in places]
    assert sorted(offered) == sorted(time_zones())
    assert {"Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "UTC"} < set(offered)
    assert not {"localtime", "Factory"} & set(offered)
    regions = [region for region, _ in zones_by_region()]
    assert len(regions) == len(set(regions))
    assert regions[-1] == ""

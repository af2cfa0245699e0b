"""Three organisations, six people in them, one of whom belongs to two, and what each of them has."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from tenants.models import User
from tenants.permissions import Role
from tenants.services.members import add_member
from tenants.services.organisations import create_tenant
from tests.people import Person, person_of

SLUGS = ("north", "south", "west")
# Calls a second that the limit allows: more than anything here makes.
_RATE = 100_000
_INGESTED_WITHIN = 60.0
# Who sits where; ben has a seat in two.
_PEOPLE = (
    ("north", "anna", Role.OWNER),
    ("north", "ben", Role.MEMBER),
    ("south", "carla", Role.OWNER),
    ("south", "dan", Role.MEMBER),
    ("west", "ella", Role.OWNER),
    ("west", "finn", Role.MEMBER),
    ("south", "ben", Role.VIEWER),
)
_SYLLABLES = "bal dor fen gim hul jor kev lum nop quar ris sut tav vex wim zol".split()


@dataclass(slots=True)
class Seat:
    """A person in an organisation.

    `kept` holds ids by kind that nothing deletes, `passing` those that come and go.
    `token` has every scope of the role, `session` is the cookie's value.
    """

    slug: str
    mark: str
    tenant_id: UUID
    user_id: UUID
    role: Role
    token: str
    session: str
    kept: dict[str, list[str]] = field(default_factory=dict)
    passing: dict[str, list[str]] = field(default_factory=dict)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def ids(self) -> list[str]:
        """Of everything kept."""
        return [one for ids in self.kept.values() for one in ids]


def marks(rng: random.Random) -> dict[str, str]:
    """A word for each organisation that stands in no language and in no other's word."""
    words = ["".join(rng.sample(_SYLLABLES, 4)) for _ in SLUGS]
    return dict(zip(SLUGS, words, strict=True))


def take_seats(words: Mapping[str, str]) -> list[Seat]:
    """Make the organisations and their people; an owner comes before the others of an organisation."""
    people: dict[str, Person] = {}
    users: dict[str, User] = {}
    seats = []
    for slug, name, role in _PEOPLE:
        if name not in users:
            users[name] = User.objects.create_user(email=f"{name}@soak.example", password=None, name=name.title())
        user = users[name]
        if role is Role.OWNER:
            create_tenant(name=slug.title(), slug=slug, owner=user, rate_limit=_RATE)
        else:
            add_member(access=people[slug].access, user=user, role=role)
        person = person_of(user, slug)
        people.setdefault(slug, person)
        seats.append(
            Seat(
                slug=slug,
                mark=words[slug],
                tenant_id=person.access.tenant_id,
                user_id=person.access.user_id,
                role=role,
                token=person.full_token,
                session=person.client.cookies["sessionid"].value,
            )
        )
    return seats


def furnish(seats: Iterable[Seat], url: str) -> None:
    """Give each what a role may have, over REST. Needs the worker and a model or the extractive answers."""
    waiting: list[tuple[Seat, str]] = []
    for seat in seats:
        with _client(seat, url) as client:
            mark = seat.mark
            seat.kept["conversations"] = [_made(client, "conversations", {"title": f"About {mark}"})]
            if seat.role is Role.VIEWER:
                continue
            seat.kept["collections"] = [_made(client, "collections", {"name": f"Shelf {mark}"})]
            if seat.role is Role.OWNER:
                waiting.append((seat, _uploaded(client, mark)))
                seat.kept["groups"] = [_made(client, "groups", {"name": f"Circle {mark}"})]
                seat.kept["tokens"] = [_made(client, "tokens", {"name": f"Key {mark}"})]
    for seat, document in waiting:
        with _client(seat, url) as client:
            _await_ready(client, document)
            seat.kept["documents"] = [document]
    for seat in seats:
        with _client(seat, url) as client:
            path = f"/conversations/{seat.kept['conversations'][0]}/messages/"
            answer = client.post(path, json={"content": question_of(seat.mark)}).raise_for_status().json()
            seat.kept["messages"] = [answer["id"]]


def text_of(mark: str, about: str) -> bytes:
    """A few sentences, the organisation's word in each."""
    return (
        f"At {mark} the lamps are lit at dusk. The {mark} ferry leaves from the second pier every hour. "
        f"Whoever visits {mark} wears a green badge. This {mark} note is about {about}."
    ).encode()


def question_of(mark: str) -> str:
    return f"When does the {mark} ferry leave?"


def _client(seat: Seat, url: str) -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api/v1", headers=seat.bearer, timeout=60, trust_env=False)


def _made(client: httpx.Client, kind: str, body: dict[str, Any]) -> str:
    made: str = client.post(f"/{kind}/", json=body).raise_for_status().json()["id"]
    return made


def _uploaded(client: httpx.Client, mark: str) -> str:
    file = ("files", (f"{mark}.txt", text_of(mark, "everybody"), "text/plain"))
    fields = {"tags": f'["{mark}"]', "metadata": f'{{"about": "{mark}"}}'}
    sent = client.post("/documents/", files=[file], data=fields).raise_for_status().json()
    document: str = sent["results"][0]["id"]
    return document


def _await_ready(client: httpx.Client, document: str) -> None:
    deadline = time.monotonic() + _INGESTED_WITHIN
    while (found := client.get(f"/documents/{document}/").raise_for_status().json())["status"] != "ready":
        if found["status"] == "failed" or time.monotonic() > deadline:
            raise RuntimeError(f"{found['name']} is {found['status']}: {found['error']}")
        time.sleep(0.1)

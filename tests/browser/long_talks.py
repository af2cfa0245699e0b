"""A conversation of hundreds of messages, brought as an archive."""

from __future__ import annotations

from typing import Any

from bench.pages.talk import long_talk
from tests.people import Person

QUESTION = "How many days of paid holiday do employees have?"
_PATH = "/api/v1/conversations/"


def brought(person: Person, messages: int) -> str:
    """Where in the organisation it stands: one question of the handbook, and its answer, over and over."""
    conversation = person.api.post(_PATH, {}).json()["id"]
    asked = person.api.post(f"{_PATH}{conversation}/messages/", {"content": QUESTION})
    assert asked.status_code == 201, asked.content
    assert person.api.post(f"{_PATH}{conversation}/archive/").status_code == 200
    [archive] = person.api.get(f"{_PATH}archives/").json()["results"]
    record: dict[str, Any] = person.api.get(f"{_PATH}archives/{archive['id']}/").json()
    made = person.api.post(f"{_PATH}archives/", long_talk(record, messages))
    assert made.status_code == 201, made.content
    return f"c/{made.json()['id']}/"

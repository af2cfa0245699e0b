"""Collections that not everyone sees."""

from __future__ import annotations

from typing import Any

from tests.people import ApiClient, Person

PATH = "/api/v1/collections/"


def made(person: Person, name: str = "Salaries", **access: Any) -> dict[str, Any]:
    """A new collection that only those named in `access` see."""
    response = person.api.post(PATH, {"name": name, "access": {"everyone": False, **access}})
    assert response.status_code == 201, response.content
    return dict(response.json())


def changed(person: Person, collection: str, **access: Any) -> None:
    response = person.api.patch(f"{PATH}{collection}/", {"access": {"everyone": False, **access}})
    assert response.status_code == 200, response.content


def names_seen(api: ApiClient) -> list[str]:
    return [one["name"] for one in api.get(PATH).json()["results"]]

"""What the pages' scripts send as JSON."""

from io import BytesIO
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenants.api.serializers import StrictJSONParser
from tenants.errors import InvalidInput


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The object that was sent; an empty one for anything else."""
    if request.content_type != "application/json":
        return {}
    data = StrictJSONParser().parse(BytesIO(request.body))
    return data if isinstance(data, dict) else {}


def id_of(text: object) -> UUID:
    """An id that is none finds what a missing one finds."""
    try:
        return UUID(str(text))
    except ValueError:
        return UUID(int=0)


def ids_in(body: dict[str, Any], name: str) -> list[UUID]:
    """The ids of a list, each once; none where nothing is said of it."""
    values = body.get(name) or []
    if not isinstance(values, list):
        raise InvalidInput.at(f"/{name}", _("This is a list of ids."), "invalid")
    found: dict[UUID, None] = {}
    for place, value in enumerate(values):
        try:
            found[UUID(str(value))] = None
        except ValueError as error:
            raise InvalidInput.at(f"/{name}/{place}", _("This is no id."), "invalid") from error
    return list(found)

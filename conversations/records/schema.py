"""The shape of a record, as a JSON Schema that programs may have too: `conversation-1.json` beside this."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from tenants.errors import FieldError, InvalidInput

SCHEMA = "docent.conversation/1"
_FILE = Path(__file__).with_name("conversation-1.json")
_SHOWN = 20


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(_FILE.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker(formats=["uuid"]))


def require_valid(record: Any) -> None:
    """Raise `InvalidInput` that points at what is wrong with a record of anybody's making."""
    if not isinstance(record, dict):
        raise InvalidInput("An archived conversation is a JSON object.", code="not_an_archive")
    version = record.get("schema")
    if not isinstance(version, str) or not version.startswith("docent.conversation/"):
        detail = gettext("This is no archived conversation: it lacks “{schema}”.").format(schema=SCHEMA)
        raise InvalidInput.at("/schema", detail, "not_an_archive")
    if version != SCHEMA:
        detail = gettext("This archive is of the version “{version}”; this Docent reads “{schema}”.").format(
            version=version[:40], schema=SCHEMA
        )
        raise InvalidInput.at("/schema", detail, "unknown_version")
    errors = list(_some(_validator().iter_errors(record)))
    if errors:
        raise InvalidInput("The archive is not as its schema says.", code="invalid_archive", errors=tuple(errors))


def _some(found: Iterable[ValidationError]) -> Iterable[FieldError]:
    for number, error in enumerate(found):
        if number == _SHOWN:
            return
        pointer = "".join(f"/{part}" for part in error.absolute_path)
        yield FieldError(pointer, error.message[:200], "invalid")

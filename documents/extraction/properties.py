"""What a file says of itself, under the names that Docent has for it."""

from collections.abc import Mapping
from datetime import datetime

_DATES = frozenset({"created", "modified"})


def known_properties(said: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Of what is `said`, what has a key of ours: `names` gives it for each of the format's own names.

    The first of two names for one key counts. Dates that are not ISO 8601 are left out.
    """
    properties: dict[str, str] = {}
    for name, key in names.items():
        value = " ".join(said.get(name, "").split())
        if value and (key not in _DATES or _is_date(value)):
            properties.setdefault(key, value)
    return properties


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True

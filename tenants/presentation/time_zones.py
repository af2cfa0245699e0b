"""Time zones by their names in the IANA database."""

from collections.abc import Iterable
from functools import cache
from itertools import groupby
from zoneinfo import available_timezones

# What the machine's own files add to the database.
_NO_ZONES = frozenset({"localtime", "Factory", "posixrules"})


@cache
def time_zones() -> frozenset[str]:
    """Every name, those that only lead to another too: browsers still say them."""
    return frozenset(name for name in available_timezones() if name not in _NO_ZONES and ".." not in name)


@cache
def zones_by_region() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Regions with their (name, place as people write it); zones without a region stand last, under ""."""
    names = sorted(time_zones(), key=lambda name: (_region(name) == "", name))
    return tuple((region, tuple(_places(found))) for region, found in groupby(names, key=_region))


def _region(name: str) -> str:
    region, slash, _ = name.partition("/")
    return region if slash else ""


def _places(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, (name.partition("/")[2] or name).replace("_", " ")) for name in names]

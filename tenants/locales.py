"""In which language, and by which clock, somebody is spoken to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation.trans_real import parse_accept_lang_header

from tenants.models import User

# What the browser's clock goes by: see static/js/zone.js.
ZONE_COOKIE = "zone"


@dataclass(frozen=True, slots=True)
class Locale:
    """A language of LANGUAGES and a time zone."""

    language: str
    zone: tzinfo

    def activate(self) -> None:
        """From here on, for whatever this thread or task does."""
        translation.activate(self.language)
        timezone.activate(self.zone)


def locale_of(request: HttpRequest, person: User | None) -> Locale:
    """The person's own choice, else what a cookie of this site says, else what the browser asks for."""
    language = _supported(person.language if person else "") or translation.get_language_from_request(request)
    names = [person.time_zone if person else "", request.COOKIES.get(ZONE_COOKIE, "")]
    return Locale(language, next(filter(None, map(find_zone, names)), timezone.get_default_timezone()))


def locale_of_program(accept_language: str) -> Locale:
    """English and the server's clock, but for who asks for another language by name: logs are to be searchable."""
    asked = (_supported(one) for one, _quality in parse_accept_lang_header(accept_language))
    return Locale(next(filter(None, asked), settings.LANGUAGE_CODE), timezone.get_default_timezone())


@contextmanager
def speaking_to(person: User | None) -> Iterator[None]:
    """What is written in here is for this person; for who has chosen nothing, or is not known, as for who asks."""
    language = _supported(person.language if person else "") or translation.get_language()
    zone = find_zone(person.time_zone if person else "") or timezone.get_current_timezone()
    with translation.override(language), timezone.override(zone):
        yield


def find_zone(name: str) -> tzinfo | None:
    """The zone of this name in the IANA's list; None where there is none."""
    return ZoneInfo(name) if name in _zone_names() else None


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def _supported(code: str) -> str:
    """The language of LANGUAGES that comes nearest to a code; empty where none does."""
    try:
        return translation.get_supported_language_variant(code)
    except LookupError:
        return ""

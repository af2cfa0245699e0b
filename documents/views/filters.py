"""Which documents the list shows: what its address asks for, and what there is to choose from."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import CharField, F, Func, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from documents.models import TERMINAL, Document, Status

STATES = {
    "working": _("In progress"),
    "ready": _("Ready"),
    "failed": _("Failed"),
    "cancelled": _("Cancelled"),
}
# More tags than anybody looks through in a menu.
_TAGS = 200
# Each word is a condition of its own: thousands would keep a server busy for minutes.
_WORDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Each empty where it does not matter. `state` is of `STATES`, `language` ISO 639-1."""

    q: str = ""
    collection: str = ""
    state: str = ""
    tag: str = ""
    language: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> Self:
        """What makes no sense is left out: an address typed by hand shows a list all the same."""
        found = {name: query.get(name, "").strip() for name in cls.__slots__}
        if found["state"] not in STATES:
            found["state"] = ""
        return cls(**found)

    def apply(self, found: QuerySet[Document]) -> QuerySet[Document]:
        for word in self.q.split()[:_WORDS]:
            found = found.filter(Q(title__icontains=word) | Q(name__icontains=word))
        if self.collection:
            found = found.filter(collection=_uuid(self.collection))
        if self.tag:
            found = found.filter(tags__contains=[self.tag])
        if self.language:
            found = found.filter(language=self.language)
        return _in_state(found, self.state)

    def path(self, **changes: object) -> str:
        """The list's address with other choices, from its first page on."""
        changed = asdict(replace(self, **{name: str(value) for name, value in changes.items()}))
        return f"?{urlencode({name: value for name, value in changed.items() if value})}"

    @property
    def is_set(self) -> bool:
        return any(asdict(self).values())


def _uuid(value: str) -> UUID:
    """An id that is none finds what a missing one finds."""
    try:
        return UUID(value)
    except ValueError:
        return UUID(int=0)


def _in_state(found: QuerySet[Document], state: str) -> QuerySet[Document]:
    """A document whose replacement failed is ready, and among the failures too."""
    match state:
        case "working":
            return found.exclude(status__in=TERMINAL)
        case "failed":
            return found.filter(Q(status=Status.FAILED) | ~Q(error_code=""))
        case "":
            return found
    return found.filter(status=state)


def choices(found: QuerySet[Document], chosen: Filter) -> dict[str, list[dict[str, Any]]]:
    """States, tags and languages to choose from, as value, label and whether it is chosen."""
    unnested: Any = Func(F("tags"), function="unnest", output_field=CharField())
    tags = found.order_by().annotate(one=unnested).values_list("one", flat=True).distinct()
    languages = found.order_by().exclude(language="").values_list("language", flat=True).distinct()
    return {
        "states": [_choice(one, label, chosen.state) for one, label in STATES.items()],
        "tags": [_choice(one, one, chosen.tag) for one in sorted(tags, key=str.casefold)[:_TAGS]],
        "languages": [_choice(one, language_name(one), chosen.language) for one in sorted(languages)],
    }


def _choice(value: str, label: object, chosen: str) -> dict[str, Any]:
    return {"value": value, "label": label, "is_chosen": value == chosen}


def language_name(code: str) -> str:
    """In the reader's language, where Django knows it."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code

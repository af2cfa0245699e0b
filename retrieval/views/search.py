"""The page that searches what stands in the documents."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from documents.links import passage_path
from documents.selectors import find_active_index, list_collections, list_documents
from documents.views.filters import Filter, choices
from providers.errors import ProviderError
from retrieval.exact_phrases import exact_words
from retrieval.highlighting import matched_words, pieces
from retrieval.ranking.reranking import reranked_aside
from retrieval.search import do_without, embed_question_aside, find_passages
from retrieval.types import Found, Hit, Mode, Scope
from tenants.access import Access
from tenants.db import run_in_tenant
from tenants.errors import DocentError, InvalidInput
from tenants.permissions import Action
from tenants.web.portal_views import portal_view

_PAGE, _MOST = 10, 50
_LONGEST = 500
_MODES = {
    Mode.HYBRID: gettext_lazy("By meaning and words"),
    Mode.VECTOR: gettext_lazy("By meaning"),
    Mode.LEXICAL: gettext_lazy("By words"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the address asks for; each empty where it does not matter. Days are ISO 8601, both included."""

    q: str = ""
    collection: str = ""
    tag: str = ""
    language: str = ""
    since: str = ""
    until: str = ""
    mode: str = Mode.HYBRID
    n: int = _PAGE

    @classmethod
    def of(cls, query: QueryDict) -> Self:
        """What makes no sense is left out, but for dates: see `scope`."""
        texts = {name: query.get(name, "").strip() for name in cls.__slots__}
        number = texts.pop("n")
        mode = texts.pop("mode")
        return cls(
            **{**texts, "q": texts["q"][:_LONGEST]},
            mode=mode if mode in set(Mode) else Mode.HYBRID,
            n=max(_PAGE, min(int(number), _MOST)) if number.isascii() and number.isdigit() else _PAGE,
        )

    def scope(self) -> Scope:
        """Raises `InvalidInput` for what is no date, or an end before the beginning."""
        since, until = _day(self.since), _day(self.until)
        if since is not None and until is not None and since > until:
            raise InvalidInput(_("The first day comes after the last one."))
        is_last = until in {None, date.max}
        return Scope(
            collections=(_uuid(self.collection),) if self.collection else None,
            tags=(self.tag,) if self.tag else None,
            languages=(self.language,) if self.language else None,
            after=None if since is None else _midnight(since),
            before=None if until is None or is_last else _midnight(until + timedelta(days=1)),
        )

    def path(self, **changes: object) -> str:
        """The page's address with other choices."""
        changed = asdict(replace(self, **changes))  # type: ignore[arg-type]
        plain = asdict(Wanted())
        return f"?{urlencode({name: value for name, value in changed.items() if value != plain[name]})}"

    @property
    def is_narrowed(self) -> bool:
        return any((self.collection, self.tag, self.language, self.since, self.until))


@require_safe
@portal_view(Action.READ_DOCUMENTS)
async def search_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Passages that fit, best first, ten more at a time, each leading to its place in its page."""
    wanted = Wanted.of(request.GET)
    found, error = Found(), None
    if wanted.q:
        try:
            found = await _find(access, wanted)
        except DocentError as refused:
            error = refused
    return await run_in_tenant(access.tenant_id, _page, request, access, wanted, found, error)


async def _find(access: Access, wanted: Wanted) -> Found:
    """One passage more than are shown, to know whether there are more."""
    scope, mode = wanted.scope(), Mode(wanted.mode)
    index = await run_in_tenant(access.tenant_id, find_active_index)
    vector = None
    if index is not None and mode is not Mode.LEXICAL:
        try:
            vector = await embed_question_aside(index, wanted.q)
        except ProviderError as error:
            do_without(error, mode)
    found = await run_in_tenant(
        access.tenant_id, find_passages, access, wanted.q, vector, top_k=wanted.n + 1, scope=scope, mode=mode
    )
    return await reranked_aside(wanted.q, found)


def _page(
    request: HttpRequest, access: Access, wanted: Wanted, found: Found, error: DocentError | None
) -> HttpResponse:
    chosen = Filter(collection=wanted.collection, tag=wanted.tag, language=wanted.language)
    context = {
        "section": "documents",
        "wanted": wanted,
        "choices": choices(list_documents(access), chosen),
        "has_documents": list_documents(access).exists(),
        "collections": [
            {"value": str(one.id), "label": one.name, "is_chosen": str(one.id) == wanted.collection}
            for one in list_collections(access).order_by("name", "id")
        ],
        "modes": [
            {"value": one, "label": label, "is_chosen": one == wanted.mode} for one, label in _MODES.items()
        ],
        "hits": _shown(access, wanted, found.hits[: wanted.n]),
        "by_words_alone": found.by_words_alone and wanted.mode == Mode.HYBRID and bool(found.hits),
        "more_path": _more(wanted, found),
        "most": _MOST if len(found.hits) > _MOST else None,
        "wider_path": wanted.path(collection="", tag="", language="", since="", until="", n=_PAGE),
        "error": error.detail if error is not None else None,
    }
    return render(request, "search.html", context, status=200 if error is None else error.status)


def _shown(access: Access, wanted: Wanted, hits: Sequence[Hit]) -> list[dict[str, Any]]:
    question = exact_words(wanted.q, Scope())[0] if wanted.mode == Mode.LEXICAL else wanted.q
    words = matched_words(question, (hit.text for hit in hits)) if hits else frozenset()
    return [
        {
            "title": hit.title,
            "name": hit.name if hit.name != hit.title else "",
            "page": hit.page,
            "pieces": list(pieces(hit.text, words)),
            "url": passage_path(access.tenant_slug, hit.document, hit.version, hit.page, hit.start, hit.end),
        }
        for hit in hits
    ]


def _more(wanted: Wanted, found: Found) -> str | None:
    """The address of the page with ten more, at the first of them."""
    if len(found.hits) <= wanted.n or wanted.n >= _MOST:
        return None
    return f"{wanted.path(n=min(wanted.n + _PAGE, _MOST))}#passage-{wanted.n + 1}"


def _uuid(value: str) -> UUID:
    """An id that is none finds what a missing one finds."""
    try:
        return UUID(value)
    except ValueError:
        return UUID(int=0)


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise InvalidInput(_("“{value}” is no date.").format(value=value)) from error


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)

"""Limits as people read them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.access import Access
from tenants.limits.quotas import QuotaState, list_quota_states
from tenants.models import QuotaKind

LABELS = {
    QuotaKind.QUESTIONS_DAY: gettext_lazy("Questions a day"),
    QuotaKind.TOKENS_DAY: gettext_lazy("Tokens a day"),
    QuotaKind.TOKENS_MONTH: gettext_lazy("Tokens a month"),
    QuotaKind.DOCUMENTS: gettext_lazy("Documents"),
    QuotaKind.BYTES: gettext_lazy("Bytes of documents"),
    QuotaKind.REPLIES: gettext_lazy("Answers at the same time"),
}

# What is told where: beside a question, and beside an upload.
OF_ASKING = frozenset({QuotaKind.QUESTIONS_DAY, QuotaKind.TOKENS_DAY, QuotaKind.TOKENS_MONTH})
OF_UPLOADING = frozenset({QuotaKind.DOCUMENTS, QuotaKind.BYTES})


def amount(kind: QuotaKind, number: int) -> str:
    """A number of that kind: bytes by their size, all else with its thousands kept apart."""
    return filesizeformat(number) if kind is QuotaKind.BYTES else number_format(number, force_grouping=True)


def sentence(state: QuotaState) -> str:
    """Like “82 of 100 questions today”."""
    template = {
        QuotaKind.QUESTIONS_DAY: _("{used} of {amount} questions today"),
        QuotaKind.TOKENS_DAY: _("{used} of {amount} tokens today"),
        QuotaKind.TOKENS_MONTH: _("{used} of {amount} tokens this month"),
        QuotaKind.DOCUMENTS: _("{used} of {amount} documents"),
        QuotaKind.BYTES: _("{used} of {amount} for documents"),
        QuotaKind.REPLIES: _("{used} of {amount} answers at the same time"),
    }[state.kind]
    said = template.format(used=amount(state.kind, state.used), amount=amount(state.kind, state.amount))
    return _("{limit}, everybody together").format(limit=said) if state.is_shared else said


@dataclass(frozen=True, slots=True)
class Spent:
    """A limit of which nothing is left, in words, and when all of it is there again."""

    words: str
    resets_at: datetime


def asking_limits(access: Access) -> tuple[list[str], Spent | None]:
    """A sentence for each limit on asking of which little is left, and the one that lets nothing more be asked.

    Of several of those the one that lasts longest. Inside the caller's unit.
    """
    states = list_quota_states(access, OF_ASKING)
    spent = [state for state in states if not state.left]
    last = max(spent, key=lambda state: state.kind is QuotaKind.TOKENS_MONTH, default=None)
    return [sentence(state) for state in states if state.is_tight], _spent(last) if last else None


def _spent(state: QuotaState) -> Spent:
    assert state.resets_at is not None  # of all that asking takes a clock gives more
    template = {
        QuotaKind.QUESTIONS_DAY: _("No questions are left today: {amount} of {amount} are used."),
        QuotaKind.TOKENS_DAY: _("No tokens are left today: {amount} of {amount} are used."),
        QuotaKind.TOKENS_MONTH: _("No tokens are left this month: {amount} of {amount} are used."),
    }[state.kind]
    words = template.format(amount=amount(state.kind, state.amount))
    if state.is_shared:
        words = _("{limit} The whole organisation shares them.").format(limit=words)
    return Spent(words, state.resets_at)


def tight_limits(access: Access, kinds: Collection[QuotaKind]) -> list[str]:
    """A sentence for each limit of which little is left for this person, inside the caller's unit."""
    return [sentence(state) for state in list_quota_states(access, kinds) if state.is_tight]

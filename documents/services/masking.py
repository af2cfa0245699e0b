"""Writes: which personal data is kept from search and models."""

from collections.abc import Sequence

from django.db.models import F
from django.utils.formats import number_format
from django.utils.translation import gettext

from documents.events import announce
from documents.masking import (
    KINDS,
    MAX_NAME,
    MAX_PATTERNS,
    Masked,
    Masker,
    MaskingRules,
    Pattern,
    PatternError,
    PatternTimeout,
    compile_pattern,
)
from documents.models import DocumentVersion, MaskingPolicy
from documents.registry import on_index_changed
from documents.selectors import find_active_index, masked_otherwise, masking_rules
from documents.services.processing import READ, reset, show_state
from tenants.access import Access
from tenants.audit.recording import record
from tenants.db import tenant_atomic
from tenants.errors import InvalidInput
from tenants.jobs import outbox
from tenants.models import Tenant
from tenants.permissions import Action

MAX_SAMPLE = 5_000
_SAMPLE_SECONDS = 0.2


def set_masking_policy(*, access: Access, rules: MaskingRules) -> None:
    """Say what is masked in documents that are read from now on; see `mask_documents_anew` for the others.

    Raises `InvalidInput` for patterns that cannot be used.
    """
    access.require(Action.MANAGE_TENANT)
    _require_usable(rules.patterns)
    with tenant_atomic(access.tenant_id):
        # Whoever sets it at the same moment waits here, also where there is no row yet.
        Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        if rules == masking_rules():
            return
        policy = MaskingPolicy.objects.first() or MaskingPolicy()
        for kind in KINDS:
            setattr(policy, kind, getattr(rules, kind))
        policy.patterns = [one._asdict() for one in rules.patterns]
        policy.save()
        record(
            access,
            "masking.changed",
            target_kind="masking",
            target_id=policy.id,
            kinds=[kind for kind in KINDS if getattr(rules, kind)],
            patterns=len(rules.patterns),
        )


def try_masking(*, access: Access, rules: MaskingRules, text: str) -> Masked:
    """What rules that are not set yet would hide of a text. Raises `InvalidInput` for patterns and long texts."""
    access.require(Action.MANAGE_TENANT)
    _require_usable(rules.patterns)
    if len(text) > MAX_SAMPLE:
        raise InvalidInput.at(
            "/text",
            gettext("A text to try has at most {max_sample} characters.").format(
                max_sample=number_format(MAX_SAMPLE, force_grouping=True)
            ),
            "max_length",
        )
    try:
        return Masker(rules, seconds=_SAMPLE_SECONDS).mask(text)
    except PatternTimeout as error:
        place = [one.name for one in rules.patterns].index(error.name)
        detail = gettext("The pattern “{name}” takes too long even on this text. Make it simpler.").format(
            name=error.name
        )
        raise InvalidInput.at(f"/patterns/{place}/pattern", detail, "pattern_timeout") from error


def mask_documents_anew(*, access: Access) -> int:
    """Read again what was read under other rules than the present ones; returns how many documents.

    Each is searched as it is until its turn comes, and has no passages while it is read.
    """
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        documents = list(masked_otherwise().select_for_update(of=["self"]).order_by("id"))
        versions = DocumentVersion.objects.filter(document__in=documents, number=F("document__current_version"))
        current = {version.document_id: version for version in versions}
        for document in documents:
            version = current[document.id]
            pages, chunks = version.page_count, version.chunk_count
            reset(version)
            # What was made of it stays until it is read.
            version.page_count, version.chunk_count = pages, chunks
            version.save()
            show_state(document, version)
            document.save()
            outbox.enqueue(READ, version.id)
            announce(document)
        if (index := find_active_index()) is not None:
            on_index_changed.call(index)
        if documents:
            record(access, "masking.applied", target_kind="masking", target_id=None, documents=len(documents))
    return len(documents)


def _require_usable(patterns: Sequence[Pattern]) -> None:
    if len(patterns) > MAX_PATTERNS:
        raise InvalidInput.at(
            "/patterns",
            gettext("There may be at most {max_patterns} patterns.").format(max_patterns=MAX_PATTERNS),
            "max_length",
        )
    taken = set(KINDS)
    for place, (name, pattern) in enumerate(patterns):
        if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
            detail = gettext("A pattern needs a name of at most {max_name} characters.").format(max_name=MAX_NAME)
            raise InvalidInput.at(f"/patterns/{place}/name", detail, "invalid")
        if name in taken:
            raise InvalidInput.at(
                f"/patterns/{place}/name",
                gettext("“{name}” is taken; choose another name.").format(name=name),
                "taken",
            )
        taken.add(name)
        try:
            compile_pattern(pattern)
        except PatternError as error:
            raise InvalidInput.at(
                f"/patterns/{place}/pattern",
                gettext("The pattern “{name}” cannot be used. {error}").format(name=name, error=error),
                "invalid_pattern",
            ) from error

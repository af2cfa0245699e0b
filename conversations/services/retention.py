"""Writes: deleting conversations that their organisation keeps no longer, and what it says about that."""

from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from conversations.models import LifePolicy
from conversations.selectors.life import DAYS, MINUTES, SWITCHES, LifeRules, attached_to, life_rules, list_due
from conversations.services.conversations import remove_conversations
from conversations.services.ending import every_tenant
from documents.models import Document
from tenants.access import Access
from tenants.audit.recording import record, record_of_platform
from tenants.db import tenant_atomic
from tenants.errors import FieldError, InvalidInput
from tenants.models import Tenant
from tenants.permissions import Action

# What goes, in the words of `purge_expired`.
CONVERSATIONS, FILES = "conversations", "attached files"
_BATCH = 50
MIN_MINUTES, MAX_MINUTES, MAX_DAYS = 5, 525_600, 36_500


def changed_rules(rules: LifeRules, wanted: dict[str, Any]) -> LifeRules:
    """The rules with some of them otherwise. Raises `InvalidInput` that points at each that cannot be."""
    wrong = []
    for name, value in wanted.items():
        least, most = (1, MAX_DAYS) if name in DAYS else (MIN_MINUTES, MAX_MINUTES)
        if name in {*DAYS, *MINUTES} and value is not None and not least <= value <= most:
            said = (
                gettext("This can be {least} to {most} days, or empty.")
                if name in DAYS
                else gettext("This can be {least} to {most} minutes, or empty.")
            )
            wrong.append(FieldError(f"/{name}", said.format(least=least, most=most), "out_of_range"))
    if wrong:
        raise InvalidInput(wrong[0].detail, errors=tuple(wrong))
    return replace(rules, **wanted)


def set_life_rules(*, access: Access, rules: LifeRules) -> None:
    """Say when conversations end, are archived and are deleted. Nothing happens at once, but within the hour."""
    access.require(Action.MANAGE_TENANT)
    with tenant_atomic(access.tenant_id):
        # Whoever sets it at the same moment waits here, also where there is no row yet.
        Tenant.objects.select_for_update(no_key=True).get(id=access.tenant_id)
        before = life_rules()
        if rules == before:
            return
        policy = LifePolicy.objects.first() or LifePolicy()
        changed = {}
        for name in (*MINUTES, *DAYS, *SWITCHES):
            setattr(policy, name, getattr(rules, name))
            if getattr(rules, name) != getattr(before, name):
                changed[name] = getattr(rules, name)
        policy.save()
        record(access, "life.changed", target_kind="life", target_id=policy.id, **changed)


def purge_conversations(*, dry_run: bool = False) -> Counter[str]:
    """Delete every organisation's conversations whose time is over; how many, and how many files with them."""
    total = Counter({CONVERSATIONS: 0, FILES: 0})
    for tenant_id, _ in every_tenant():
        total.update(_purge_in(tenant_id, dry_run=dry_run))
    return total


def _purge_in(tenant_id: UUID, *, dry_run: bool) -> Counter[str]:
    if dry_run:
        with tenant_atomic(tenant_id):
            due = list_due(life_rules())
            return Counter({CONVERSATIONS: due.count(), FILES: attached_to(due).count()})
    total: Counter[str] = Counter()
    while True:
        with tenant_atomic(tenant_id):
            removed = _purge_some(tenant_id)
        total.update(removed)
        if removed[CONVERSATIONS] < _BATCH:
            return total


def _purge_some(tenant_id: UUID) -> Counter[str]:
    rules = life_rules()
    if not rules.deletes:
        return Counter()
    due = list_due(rules).order_by("updated_at").select_for_update(skip_locked=True)
    some = list(due.values_list("id", flat=True)[:_BATCH])
    if not some:
        return Counter()
    files = remove_conversations(some)[Document._meta.db_table]
    record_of_platform(
        None,
        "conversations.purged",
        target_kind="tenant",
        target_id=tenant_id,
        conversations=len(some),
        files=files,
    )
    return Counter({CONVERSATIONS: len(some), FILES: files})

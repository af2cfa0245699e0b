"""Carrying out what was ordered, and what a restored backup brought back."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tenants.erasure import tombstones
from tenants.erasure.tombstones import Kind, Tombstone
from tenants.services.erasure import organisations, people

logger = logging.getLogger(__name__)

# By then what was open in a person's name is closed everywhere and writes nothing more: see `tenants.revocations`.
_SETTLED = timedelta(seconds=10)


def finish_erasures(*, settled: timedelta = _SETTLED) -> int:
    """Carry out the orders that are not finished and older than `settled`; returns how many are now."""
    before = datetime.now(UTC) - settled
    orders = [one for one in tombstones.list_tombstones() if not one.is_finished and one.ordered_at <= before]
    return sum(one.is_finished for one in _carried_out(orders))


def replay_erasures() -> tuple[Tombstone, ...]:
    """Erase again whatever a restored database brought back; the erasures that had something to do."""
    return tuple(_carried_out([one for one in tombstones.list_tombstones() if _is_due(one)]))


def _carried_out(orders: list[Tombstone]) -> Iterator[Tombstone]:
    """The orders as they stand afterwards. One that fails is logged, stays as it was, and holds up no other."""
    for order in orders:
        try:
            yield _carry_out(order)
        except Exception:
            logger.exception("erasure %s of a %s could not be finished; it is tried again", order.id, order.kind)
            yield order


def _carry_out(order: Tombstone) -> Tombstone:
    is_tenant = order.kind is Kind.TENANT
    return organisations.erase_tenant(order.subject) if is_tenant else people.carry_out(order)


def _is_due(order: Tombstone) -> bool:
    if not order.is_finished:
        return True
    return organisations.is_back(order.subject) if order.kind is Kind.TENANT else people.is_back(order)

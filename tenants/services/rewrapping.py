"""Writes: everything that is sealed, under the installation's present key.

Answers that are kept for repeated requests are not: they are gone after a day, and a former key opens them.
"""

import base64
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction

from tenants.db import tenant_atomic
from tenants.models import Tenant
from tenants.registry import on_keys_rotated
from tenants.vault import SECOND_FACTOR, VaultError, rewrap

Rewrap = Callable[[bytes, str], bytes]
# Where allauth keeps what the second factor's adapter has encrypted.
_SEALED = ("secret", "seed")
_SEALED_LISTS = ("migrated_codes",)


def rewrap_everything() -> Counter[str]:
    """Counts `looked at`, `rewrapped` and, of secrets that no key opens, `lost`; those stay as they are."""
    counts: Counter[str] = Counter()
    for tenant_id in list(Tenant.objects.order_by("id").values_list("id", flat=True)):
        with tenant_atomic(tenant_id):
            on_keys_rotated.call(_counting(tenant_id, counts))
    again = _counting(None, counts)
    for key in list(Authenticator.objects.order_by("id").values_list("id", flat=True)):
        with transaction.atomic():
            one = Authenticator.objects.select_for_update().filter(id=key).first()
            if one is not None:
                one.data = {name: _rewrapped(name, value, again) for name, value in one.data.items()}
                one.save(update_fields=["data"])
    return counts


def _counting(tenant_id: UUID | None, counts: Counter[str]) -> Rewrap:
    def run(sealed: bytes, purpose: str) -> bytes:
        counts["looked at"] += 1
        try:
            changed = rewrap(sealed, tenant_id=tenant_id, purpose=purpose)
        except VaultError:
            counts["lost"] += 1
            return sealed
        counts["rewrapped"] += changed != sealed
        return changed

    return run


def _rewrapped(name: str, value: Any, again: Rewrap) -> Any:
    """An entry of a second factor's data."""
    if name in _SEALED_LISTS:
        return [_text(one, again) for one in value]
    return _text(value, again) if name in _SEALED else value


def _text(sealed: str, again: Rewrap) -> str:
    return base64.b64encode(again(base64.b64decode(sealed), SECOND_FACTOR)).decode()

"""Secrets at rest: each is sealed with a key of its own, and that key with the installation's.

Envelope encryption by AES-256-GCM. Who and what a secret is for is authenticated with it, so that a sealed
secret moved to another row or tenant does not open. Rotating the installation's key rewraps 60 bytes a row.
"""

import base64
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

SECOND_FACTOR = "second-factor"
"""What a person's second factor is sealed for, and no tenant."""
_NONCE = 12
_WRAPPED = _NONCE + 32 + 16  # nonce, key, tag


class VaultError(Exception):
    """A sealed secret does not open: it was altered, moved, or sealed with another installation's key."""


def seal(secret: str, *, tenant_id: UUID | None, purpose: str) -> bytes:
    """Encrypt a secret for one use. `tenant_id` is None for what belongs to a person and no tenant."""
    about = _about(tenant_id, purpose)
    key = AESGCM.generate_key(256)
    return _encrypt(_master(), key, about) + _encrypt(key, secret.encode(), about)


def unseal(sealed: bytes, *, tenant_id: UUID | None, purpose: str) -> str:
    """The secret; raises `VaultError`."""
    about = _about(tenant_id, purpose)
    key, _ = _unwrap(sealed, about)
    try:
        return _decrypt(key, sealed[_WRAPPED:], about).decode()
    except (InvalidTag, ValueError) as error:
        raise VaultError("The sealed secret does not open.") from error


def rewrap(sealed: bytes, *, tenant_id: UUID | None, purpose: str) -> bytes:
    """The same secret under the installation's present key; itself where that is so. Raises `VaultError`."""
    about = _about(tenant_id, purpose)
    key, is_present = _unwrap(sealed, about)
    return sealed if is_present else _encrypt(_master(), key, about) + sealed[_WRAPPED:]


def _unwrap(sealed: bytes, about: bytes) -> tuple[bytes, bool]:
    """A secret's own key, and whether the installation's present one opened it, or a former one."""
    for place, master in enumerate([settings.DOCENT_VAULT_KEY, *settings.DOCENT_FORMER_VAULT_KEYS]):
        try:
            return _decrypt(_decoded(master), sealed[:_WRAPPED], about), place == 0
        except (InvalidTag, ValueError):
            continue
    raise VaultError("The sealed secret does not open.")


def _master() -> bytes:
    return _decoded(settings.DOCENT_VAULT_KEY)


def _decoded(key: str) -> bytes:
    return base64.urlsafe_b64decode(key + "=")


def _about(tenant_id: UUID | None, purpose: str) -> bytes:
    return f"{tenant_id or ''}\n{purpose}".encode()


def _encrypt(key: bytes, data: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, about)


def _decrypt(key: bytes, data: bytes, about: bytes) -> bytes:
    return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], about)

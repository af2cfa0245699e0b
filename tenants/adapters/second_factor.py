"""The second factor: its secrets are sealed, and passkeys belong to the address that people use."""

import base64
from ipaddress import ip_address
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from tenants.vault import SECOND_FACTOR, seal, unseal


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    def encrypt(self, text: str) -> str:
        return base64.b64encode(seal(text, tenant_id=None, purpose=SECOND_FACTOR)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Raises `VaultError` for what this installation did not seal."""
        return unseal(base64.b64decode(encrypted_text), tenant_id=None, purpose=SECOND_FACTOR)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """A domain is needed (W3C WebAuthn, 5.1.2): the address of this machine stands for `localhost`."""
        host = urlsplit(settings.DOCENT_PUBLIC_URL).hostname or "localhost"
        return {"id": "localhost" if _is_loopback(host) else host, "name": "Docent"}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

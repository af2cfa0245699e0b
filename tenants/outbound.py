"""Fetching from addresses that an organisation's people name: only what the whole internet can reach.

A name is resolved once, every address it has is checked, and the connection goes to an address that was
checked: a name that resolves differently a moment later (DNS rebinding) gains nothing.
"""

import socket
import time
from collections.abc import Collection
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

_MAX_BYTES = 1024 * 1024
_CHUNK = 16 * 1024
# All that is public of IPv6 so far (RFC 4291, 2.4). Outside lie IPv4 addresses in other clothes: those written
# for translators (RFC 6052, RFC 8215) and for automatic tunnels.
_PUBLIC = IPv6Network("2000::/3")


class AddressRefused(requests.RequestException):
    """The address is not one that may be fetched, or answered in a way that is not accepted."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, whichever way it is written."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.sixtofour is not None or ip.teredo is not None or ip not in _PUBLIC:
            return False
    return ip.is_global and not ip.is_multicast


class PublicSession(requests.Session):
    """Https to public addresses: no redirects, no proxy of the environment, a time limit in seconds, 1 MB.

    Hosts in `private_hosts`, each `host` or `host:port`, may be private and may speak plain http. Every
    refusal and failure is a `requests.RequestException`.
    """

    def __init__(self, *, seconds: float, private_hosts: Collection[str] = ()) -> None:
        super().__init__()
        self.trust_env = False
        self._seconds = seconds
        self._private_hosts = private_hosts
        self._public, self._private = _PublicAdapter(), HTTPAdapter()

    def may_be_private(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.netloc in self._private_hosts or parts.hostname in self._private_hosts

    def get_adapter(self, url: str | bytes) -> BaseAdapter:
        return self._private if self.may_be_private(str(url)) else self._public

    def request(self, method: str, url: str | bytes, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        address = str(url)
        parts = urlsplit(address)
        if parts.username is not None or parts.scheme not in {"https", "http"} or not parts.hostname:
            raise AddressRefused("Only plain https addresses are fetched.")
        if parts.scheme == "http" and not self.may_be_private(address):
            raise AddressRefused("Only https addresses are fetched.")
        deadline = time.monotonic() + self._seconds
        kwargs |= {"timeout": self._seconds, "allow_redirects": False, "stream": True}
        response = super().request(method, address, **kwargs)
        if response.is_redirect:
            raise AddressRefused("The address leads elsewhere.")
        _read_within(response, deadline)
        return response

    def close(self) -> None:
        self._public.close()
        self._private.close()
        super().close()


def _read_within(response: requests.Response, deadline: float) -> None:
    """Read the whole body now: what is too long or trickles is cut."""
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) > _MAX_BYTES or time.monotonic() > deadline:
            response.close()
            raise AddressRefused("The answer is too long or takes too long.")
    response._content = bytes(content)


class _PublicConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        """In place of urllib3's: resolves, checks and connects in one go. TLS still asks for the name."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            addresses = [str(entry[4][0]) for entry in found]
            if not all(map(is_public, addresses)):
                raise NewConnectionError(self, "The host is not a public one.")
            return socket.create_connection((addresses[0], self.port), self._seconds_to_connect())
        except OSError as error:
            raise NewConnectionError(self, f"{type(error).__name__}") from error

    def _seconds_to_connect(self) -> float | None:
        return self.timeout if isinstance(self.timeout, int | float) else None


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _PublicPool}

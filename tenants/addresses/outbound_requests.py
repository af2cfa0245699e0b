"""Fetching from addresses that an organisation's people name: only what the whole internet can reach.

A name is resolved once, every address it has is checked, and the connection goes to an address that was
checked: a name that resolves differently a moment later (DNS rebinding) gains nothing.
"""

import socket
import threading
import time
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

_MAX_BYTES = 1024 * 1024
_CHUNK = 16 * 1024
# All that is public of IPv6 so far (RFC 4291, 2.4). Outside lie IPv4 addresses in other clothes: those written
# for translators (RFC 6052, RFC 8215) and for automatic tunnels.
_PUBLIC = IPv6Network("2000::/3")
_GZIP = frozenset({"gzip", "x-gzip"})


class AddressRefused(requests.RequestException):
    """The address is not one that may be fetched, or answered in a way that is not accepted."""


class AddressMoved(AddressRefused):
    """The answer leads elsewhere: to `location`, as the server wrote it, which nobody has checked."""

    def __init__(self, location: str) -> None:
        super().__init__("The address leads elsewhere.")
        self.location = location


class AnswerTooLong(AddressRefused):
    """The answer has more bytes than are taken."""


class AnswerTooSlow(AddressRefused):
    """The answer was not complete when its time was over."""


class HostNotPublic(NewConnectionError):
    """The host has an address that not everybody can reach."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, whichever way it is written."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.sixtofour is not None or ip.teredo is not None or ip not in _PUBLIC:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class PublicSession(requests.Session):
    """Https to public addresses: no redirects, no proxy of the environment, a time limit in seconds, 1 MB.

    Hosts in `private_hosts`, each `host` or `host:port`, may be private and may speak plain http; with
    `allows_http` all may. The time limit is of the whole request, looking up the name included. Through `proxy`,
    as `host:port`, connections are opened by CONNECT to the address that was checked. Every refusal and failure
    is a `requests.RequestException`; with `cuts` an answer that is too long is none, only its beginning is kept.
    """

    def __init__(
        self,
        *,
        seconds: float,
        private_hosts: Collection[str] = (),
        max_bytes: int = _MAX_BYTES,
        allows_http: bool = False,
        proxy: str = "",
        cuts: bool = False,
    ) -> None:
        super().__init__()
        self.trust_env = False
        # A connection that is kept would outlive its own time limit.
        self.headers.update({"Accept-Encoding": "gzip", "Connection": "close"})
        self._seconds, self._max_bytes, self._cuts = seconds, max_bytes, cuts
        self._private_hosts, self._allows_http, self._proxy = private_hosts, allows_http, proxy
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())

    def may_be_private(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.netloc in self._private_hosts or parts.hostname in self._private_hosts

    def resolve_redirects(self, *_args: Any, **_kwargs: Any) -> Iterator[Any]:  # type: ignore[override]
        """None is followed, so none is read here either: requests' own reading fails over odd ones."""
        return iter(())

    def request(self, method: str, url: str | bytes, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        address = str(url)
        parts = urlsplit(address)
        if parts.username is not None or parts.scheme not in {"https", "http"} or not parts.hostname:
            raise AddressRefused("Only plain https addresses are fetched.")
        is_private = self.may_be_private(address)
        if parts.scheme == "http" and not (is_private or self._allows_http):
            raise AddressRefused("Only https addresses are fetched.")
        kwargs |= {"timeout": self._seconds, "allow_redirects": False, "stream": True}
        with _limited(_Errand(self._seconds, is_private=is_private, proxy=self._proxy)) as errand:
            response = super().request(method, address, **kwargs)
            if response.is_redirect:
                response.close()
                raise AddressMoved(response.headers["Location"])
            response._content = _read(response, self._max_bytes, errand, cuts=self._cuts)
        return response


@dataclass(slots=True)
class _Errand:
    """One request and the sockets that it opened: all of them end when its time does, in whatever it is."""

    seconds: float
    is_private: bool
    proxy: str
    _sockets: list[socket.socket] = field(default_factory=list)
    _deadline: float = 0.0

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.seconds

    @property
    def is_over(self) -> bool:
        """Whether its time is, be it that the watch has come or not: both may be a moment late."""
        return time.monotonic() >= self._deadline

    def connect(self, host: str, port: int) -> socket.socket:
        """Resolve, check and connect in one go."""
        addresses = self._resolve(host, port)
        if not self.is_private and not all(map(is_public, addresses)):
            raise _NotPublic
        failure: OSError = OSError("no address")
        for address in addresses:
            try:
                return self._open(address, port)
            except OSError as error:
                failure = error
        raise failure

    def end(self) -> None:
        """Cut what is open: whoever waits for it is told that it ended."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for one in self._sockets:
            one.close()

    def _left(self) -> float:
        return max(0.001, self._deadline - time.monotonic())

    def _resolve(self, host: str, port: int) -> list[str]:
        """On a thread of its own, for nothing else ends a name server's silence."""
        answers: SimpleQueue[list[str] | OSError] = SimpleQueue()

        def ask() -> None:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
            except (OSError, UnicodeError) as error:
                answers.put(OSError(str(error)))

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        try:
            answer = answers.get(timeout=self._left())
        except Empty:
            raise TimeoutError from None
        if isinstance(answer, OSError):
            raise answer
        return answer

    def _open(self, address: str, port: int) -> socket.socket:
        if not self.proxy or self.is_private:
            return self._watched(socket.create_connection((address, port), self._left()))
        host, _, proxy_port = self.proxy.rpartition(":")
        opened = self._watched(socket.create_connection((host, int(proxy_port)), self._left()))
        place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        opened.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = opened.recv(1)
            head += byte
            if not byte or len(head) > _CHUNK:
                raise OSError("the proxy hung up")
        if head.split(b" ", 2)[1:2] != [b"200"]:
            raise OSError("the proxy refused")
        return opened

    def _watched(self, opened: socket.socket) -> socket.socket:
        """The same connection a second time: TLS takes the first one away."""
        self._sockets.append(opened.dup())
        if self.is_over:  # the watch is not asked a second time
            self.end()
        return opened


class _NotPublic(OSError):
    pass


_errand: ContextVar[_Errand] = ContextVar("_errand")


@contextmanager
def _limited(errand: _Errand) -> Iterator[_Errand]:
    """What the connections opened in the block belong to; `AnswerTooSlow` if it took too long."""
    timer = threading.Timer(errand.seconds, errand.end)
    timer.daemon = True
    token = _errand.set(errand)
    timer.start()
    try:
        yield errand
    except (requests.RequestException, HTTPError, OSError) as error:
        if errand.is_over:
            raise AnswerTooSlow("The answer takes too long.") from error
        if isinstance(error, requests.RequestException):
            raise
        raise AddressRefused("The answer broke off or makes no sense.") from error
    finally:
        timer.cancel()
        _errand.reset(token)
        errand.close()


def _read(response: requests.Response, max_bytes: int, errand: _Errand, *, cuts: bool) -> bytes:
    """The whole body, unpacked; of what is too long, packed or not, no more is read."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", ""} | _GZIP:
        response.close()
        raise AddressRefused("The answer is encoded in a way that was not asked for.")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding in _GZIP else None
    content, read = bytearray(), 0
    while block := response.raw.read(_CHUNK, decode_content=False):
        read += len(block)
        content += block if unpacker is None else _unpacked(unpacker, block, max_bytes - len(content) + 1)
        if max(read, len(content)) > max_bytes:
            response.close()
            if cuts:
                return bytes(content[:max_bytes])
            raise AnswerTooLong("The answer is too long.")
    # The end of a body without a length is the end of its connection, whoever ended it.
    if errand.is_over or (unpacker is not None and read and not unpacker.eof):
        raise AddressRefused("The answer is not complete.")
    return bytes(content)


def _unpacked(unpacker: Any, block: bytes, most: int) -> bytes:
    try:
        unpacked: bytes = unpacker.decompress(block, most)
    except zlib.error as error:
        raise AddressRefused("The answer is not packed as it says.") from error
    return unpacked


class _Pinned(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        """In place of urllib3's, for plain connections and under TLS, which still asks for the name."""
        try:
            return _errand.get().connect(self.host, self.port)
        except _NotPublic as error:
            raise HostNotPublic(self, "The host is not a public one.") from error
        except OSError as error:
            raise NewConnectionError(self, type(error).__name__) from error


class _PinnedTls(_Pinned, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Pinned


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _PinnedTls


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

"""The one reading of a web address that somebody typed or a server answered with.

What is fetched is the address written anew from what was read here, never the text that was given: two parsers
that disagree about a host find nothing to disagree about.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

import idna

MAX_LENGTH = 2048

_PORTS = {"http": 80, "https": 443}
_WHOLE = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<place>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?:#.*)?")
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[0-9]{1,5}))?")
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\\]")
# Everything that may stand in a path or a query as it is, percent signs that are there already among it.
_SAFE = "/%:@!$&'()*+,;=~-._?"


class AddressInvalid(ValueError):
    """The text is not an address that is ever fetched; the message is a sentence for whoever gave it."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """`host` is a name in ASCII or an IP address without brackets; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def place(self) -> str:
        """Host and port as they stand in an address; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.place}{self.target}"


def parse_web_address(text: str, *, relative_to: WebAddress | None = None) -> WebAddress:
    """Read an http or https address. Raises `AddressInvalid` for any other and for whatever is written oddly."""
    text = text.strip(" \t\r\n")
    if len(text) > MAX_LENGTH:
        raise AddressInvalid(f"An address has at most {MAX_LENGTH} characters.")
    if _FORBIDDEN.search(text):
        raise AddressInvalid("An address holds no spaces, backslashes or control characters.")
    if relative_to is not None:
        try:
            text = urljoin(relative_to.url, text)
        except ValueError as error:
            raise AddressInvalid("The host's name is not written as usual.") from error
    whole = _WHOLE.fullmatch(text)
    if whole is None or whole["scheme"].lower() not in _PORTS:
        raise AddressInvalid("Give a whole address that begins with https:// or http://.")
    place = _PLACE.fullmatch(whole["place"])
    if place is None:
        raise AddressInvalid("Give the host's plain name, without a user name or password.")
    scheme = whole["scheme"].lower()
    port = int(place["port"]) if place["port"] else _PORTS[scheme]
    target = quote(whole["path"] or "/", safe=_SAFE) + quote(whole["query"] or "", safe=_SAFE)
    address = WebAddress(scheme, _host(place["host"]), port, target)
    if len(address.url) > MAX_LENGTH:
        raise AddressInvalid(f"An address has at most {MAX_LENGTH} characters.")
    return address


def _host(text: str) -> str:
    """A name as the internet knows it, or an IP address in its one usual form."""
    try:
        if text.startswith("["):
            return str(IPv6Address(text[1:-1]))
        name = text if text.isascii() else idna.encode(text, uts46=True).decode()
        name = name.lower().removesuffix(".")
        if _ENDS_IN_NUMBER.fullmatch(name):
            # 127.1, 0x7f000001 and 2130706433 are addresses too, to some.
            return str(IPv4Address(name))
    except (AddressValueError, idna.IDNAError) as error:
        raise AddressInvalid("The host's name is not written as usual.") from error
    if len(name) > 253 or not _NAME.fullmatch(name):  # noqa: PLR2004 - RFC 1035, section 2.3.4
        raise AddressInvalid("The host's name is not written as usual.")
    return name

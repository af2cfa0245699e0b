"""One attempt: the request, and what came of it. Rows S1 to S5 of the security table hold here too."""

import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from django.conf import settings

from tenants.addresses.outbound_requests import AddressMoved, AnswerTooSlow, HostNotPublic, PublicSession
from tenants.addresses.web_addresses import AddressInvalid, parse_web_address
from tenants.errors import InvalidInput

_ANSWER_BYTES = 2000
_ANSWER_LENGTH = 500
_HTTPS = 443
_OK = range(200, 300)
_GONE = 410
_LONGEST_WAIT = 24 * 3600


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to. `error` is a code, empty when it was taken; `answer` is a stranger's words."""

    duration_ms: int
    error: str = ""
    status: int | None = None
    answer: str = ""
    # What the receiver asked for, in seconds.
    retry_after: int = 0

    @property
    def is_gone(self) -> bool:
        """The receiver wants nothing any more."""
        return self.status == _GONE


def clean_address(text: str) -> str:
    """The address as it is written down and posted to. Raises `InvalidInput` for one that never is."""
    try:
        address = parse_web_address(text)
    except AddressInvalid as error:
        raise InvalidInput.at("/url", str(error), "address_refused") from error
    private = settings.DOCENT_WEBHOOK_PRIVATE_HOSTS
    if address.host in private or address.place in private:
        return address.url
    if address.scheme != "https":
        raise InvalidInput.at("/url", "A webhook's address begins with https://.", "address_refused")
    if address.port != _HTTPS:
        raise InvalidInput.at("/url", "Only the usual port of https, 443, is posted to.", "address_refused")
    return address.url


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """Post once, without holding a database connection: the receiver has its time, and redirects lead nowhere."""
    began = time.monotonic()
    try:
        with PublicSession(
            seconds=settings.DOCENT_WEBHOOK_SECONDS,
            private_hosts=settings.DOCENT_WEBHOOK_PRIVATE_HOSTS,
            max_bytes=_ANSWER_BYTES,
            proxy=settings.DOCENT_EGRESS_PROXY,
            cuts=True,
        ) as session:
            # Written anew each time: the operator's setting may have changed since the address was given.
            answer = session.post(clean_address(url), data=body, headers={**_HEADERS, **headers})
    except (requests.RequestException, InvalidInput) as error:
        return Outcome(_since(began), error=_code(error))
    is_taken = answer.status_code in _OK
    return Outcome(
        _since(began),
        error="" if is_taken else "refused",
        status=answer.status_code,
        answer=_readable(answer.content),
        retry_after=0 if is_taken else _retry_after(answer),
    )


_HEADERS = {"Content-Type": "application/json", "User-Agent": "Docent-Webhooks"}


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _code(error: Exception) -> str:
    if isinstance(error, InvalidInput):
        return "address_refused"
    if isinstance(error, AddressMoved):
        return "redirected"
    if isinstance(error, AnswerTooSlow):
        return "too_slow"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, HostNotPublic):
            return "address_refused"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, requests.exceptions.SSLError):
        return "bad_certificate"
    return "unreachable"


def _readable(content: bytes) -> str:
    """The beginning of it as text, without what would do something where it is shown."""
    text = content.decode(errors="replace")
    kept = "".join(one if unicodedata.category(one)[0] != "C" else " " for one in text)
    return " ".join(kept.split())[:_ANSWER_LENGTH]


def _retry_after(answer: requests.Response) -> int:
    said = answer.headers.get("Retry-After", "")
    return min(int(said), _LONGEST_WAIT) if said.isascii() and said.isdigit() and len(said) < 9 else 0  # noqa: PLR2004

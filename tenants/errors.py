"""What can be refused, said once. HTTP, sockets and the command line each map these in one place."""

import errno
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: a JSON pointer (RFC 6901), a sentence for people and a code for programs."""

    pointer: str
    detail: str
    code: str = "invalid"


class DocentError(Exception):
    """Base of every refusal that a person or program may see.

    `status` is the HTTP status, `code` is stable for programs, the message is for people and never
    carries an address, a key or another tenant's data. Sentences are raised in English, and said in the
    language of whoever reads them: `manage.py messages` finds them where they are raised. Those with
    something of the moment in them are translated before that is filled in. Logs have `str(error)`.
    """

    status = 400
    code = "invalid"
    title = "Invalid request"

    # Seconds after which it is worth trying again; None where no clock helps.
    retry_after: int | None = None

    def __init__(self, detail: str = "", *, code: str = "", errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail or self.title)
        self.code = code or self.code
        self._errors = errors

    @property
    def detail(self) -> str:
        return gettext(str(self))

    @property
    def heading(self) -> str:
        """What kind of refusal it is, for people."""
        return gettext(self.title)

    @property
    def errors(self) -> tuple[FieldError, ...]:
        return tuple(replace(one, detail=gettext(one.detail)) for one in self._errors)


class InvalidInput(DocentError):
    """The request's content is wrong; `errors` points at each field."""

    @classmethod
    def at(cls, pointer: str, detail: str, code: str = "invalid") -> "InvalidInput":
        return cls(detail, code=code, errors=(FieldError(pointer, detail, code),))


class NotAuthenticated(DocentError):
    status, code, title = 401, "not_authenticated", "A valid bearer token is needed"


class PermissionRefused(DocentError):
    status, code, title = 403, "permission_denied", "Your role or token does not allow this"


class NotFound(DocentError):
    """Missing and foreign look the same."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(DocentError):
    status, code, title = 409, "conflict", "This is not possible in the present state"


class RequestInProgress(Conflict):
    """The same request came before and is not answered yet."""

    code, title, retry_after = "request_in_progress", "The same request is being carried out", 1


class PreconditionFailed(DocentError):
    """`If-Match` names what is not there any more."""

    status, code, title = 412, "precondition_failed", "It is not what you have read any more"


class TooLarge(DocentError):
    status, code, title = 413, "too_large", "Too large"


class UnsupportedType(DocentError):
    status, code, title = 415, "unsupported_type", "This kind of content is not supported"


class KeyReused(DocentError):
    """An idempotency key belongs to one request, and this is another."""

    status, code, title = 422, "idempotency_key_reused", "This key was used for another request"


class RateLimited(DocentError):
    status, code, title = 429, "rate_limited", "Too many requests"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class QuotaExceeded(DocentError):
    """A limit that the organisation has set is used up; `quota` says which one and how much of it."""

    status, code, title = 429, "quota_exceeded", "A limit of your organisation is used up"

    def __init__(self, detail: str, *, quota: dict[str, Any], retry_after: int | None) -> None:
        super().__init__(detail)
        self.quota = quota
        self.retry_after = retry_after


class StorageFull(DocentError):
    """The disk is; what is stored already can be read on."""

    status, code, title = 507, "storage_full", "There is no space left to store this"

    def __init__(self) -> None:
        super().__init__(
            "There is no space left to store this. Nothing of it was kept: try again when the administrator has"
            " made room."
        )


class FilesAway(OSError):
    """The storage for files does not answer, or refuses for a reason that no asking again will mend."""


def is_disk_full(error: BaseException) -> bool:
    """Whether the system refused to write for want of space: of the disk's, a quota's or a process's own."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Failure(DocentError):
    """Our own fault; the log has the cause, under the request's id."""

    status, code, title = 500, "internal_error", "Something went wrong here"


class Unavailable(DocentError):
    status, code, title = 503, "unavailable", "Temporarily unavailable, try again"
    retry_after = 2


class Restarting(Unavailable):
    """This process goes down; another one takes its place."""

    code, title = "restarting", "The service is being restarted"

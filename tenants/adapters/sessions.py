"""Sessions that end: sockets and streams opened with them must end too, in every process."""

from collections.abc import Iterable
from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from tenants.models import Revocation, User
from tenants.revocable_work import session_digest
from tenants.revocations import announce_revocation


class SessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]
    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        for session in sessions:
            _announce_end(session.session_key)
            session.end()


@receiver(user_logged_out)
def announce_log_out(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Sent before the session is flushed, while its key is still known."""
    if request.session.session_key:
        _announce_end(request.session.session_key)


@receiver([password_changed, password_reset, password_set])
def announce_new_password(sender: Any, user: User, **kwargs: Any) -> None:
    """A new password ends every session but the one it was set in: all come back and are looked at anew."""
    announce_revocation(user_id=user.pk, reason=Revocation.Reason.CHANGED)


def _announce_end(session_key: str) -> None:
    announce_revocation(session_sha256=session_digest(session_key))

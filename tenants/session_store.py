"""Where sessions are kept: Django's own store, in the database."""

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(DatabaseStore):
    """Asks the database for no key that it could not have made: a cookie says what its sender likes."""

    def _validate_session_key(self, key: str | None) -> bool:
        is_long_enough = super()._validate_session_key(key)  # type: ignore[misc]
        return bool(is_long_enough and key and key.isascii() and key.isalnum())

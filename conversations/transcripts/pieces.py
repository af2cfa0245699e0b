"""What a transcript is made of, whatever its format."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from conversations.models import Role, Status


@dataclass(frozen=True, slots=True)
class Transcript:
    """A branch of a conversation as its reader may see it; `messages` are the API's, oldest first."""

    title: str
    organisation: str
    begun_at: datetime
    exported_at: datetime
    messages: tuple[dict[str, Any], ...]
    # The organisation's, a WebP; empty where it has none.
    logo: bytes = b""

    def turns(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each message with the number of the question that it is or answers, from 1."""
        number = 0
        for message in self.messages:
            number += message["role"] == Role.USER
            yield number, message


def about(transcript: Transcript) -> str:
    """Where it comes from, and when."""
    return _("{organisation} · begun {begun} · exported {exported} (UTC)").format(
        organisation=transcript.organisation,
        begun=f"{transcript.begun_at:%Y-%m-%d %H:%M}",
        exported=f"{transcript.exported_at:%Y-%m-%d %H:%M}",
    )


def note_on(message: Mapping[str, Any]) -> str:
    """What must be said beside an answer's text; empty where it is whole."""
    match message["status"]:
        case Status.STOPPED:
            return _("Stopped. What had been written is kept.")
        case Status.INTERRUPTED:
            return _("The answer was interrupted. What had been written is kept.")
        case Status.FAILED:
            return (message["error"] or {}).get("detail") or _("The answer failed.")
        case Status.PENDING | Status.STREAMING:
            return _("The answer was still being written.")
        case Status.FINISHED if message["finish_reason"] == "length":
            return _("Cut at the length limit.")
    return ""


def place_of(citation: Mapping[str, Any]) -> str:
    return _("p. {page}").format(page=citation["page"])


def gone_note() -> str:
    return _("no longer available to you")

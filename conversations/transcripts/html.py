"""A transcript as one HTML file to print: with its own style, without scripts, and nothing to be loaded.

The answers go through the renderer of the portal; a chip leads to the footnote under its answer that says what it
cites.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from conversations.models import Role
from conversations.rendering import render_blocks
from conversations.transcripts.pieces import Transcript, about, note_on, place_of


def as_html(transcript: Transcript) -> str:
    style = _style()
    context = {
        "title": transcript.title,
        "logo": base64.b64encode(transcript.logo).decode(),
        "about": about(transcript),
        "language": get_language(),
        # Safe: a file of ours, without anything filled in.
        "style": mark_safe(style),  # noqa: S308
        "policy": policy_of(style),
        "turns": [_turn(number, message) for number, message in transcript.turns()],
    }
    return render_to_string("transcript/page.html", context)


def content_policy() -> str:
    """What the file may load, for the answer that carries it."""
    return policy_of(_style())


def policy_of(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _style() -> str:
    return render_to_string("transcript/print.css")


def _turn(number: int, message: Mapping[str, Any]) -> dict[str, Any]:
    if message["role"] == Role.USER:
        return {"is_question": True, "number": number, "content": message["content"]}
    anchors: dict[int, str | None] = {
        one["marker"]: _anchor(message["id"], one["marker"]) for one in message["citations"]
    }
    blocks: list[SafeString] = [
        mark_safe(html)  # noqa: S308 - nh3 cleaned it last
        for html in render_blocks(message["content"], {marker: f"#{name}" for marker, name in anchors.items()})
    ]
    notes = [
        {**one, "anchor": anchors[one["marker"]], "place": place_of(one), "is_gone": one["url"] is None}
        for one in message["citations"]
    ]
    return {"is_question": False, "blocks": blocks, "notes": notes, "said": note_on(message)}


def _anchor(message_id: str, marker: int) -> str:
    return f"s-{message_id}-{marker}"

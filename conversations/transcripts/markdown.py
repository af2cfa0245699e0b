"""A transcript as Markdown (CommonMark), for other programs to render.

Questions, titles and quotes are text that others wrote: every sign that Markdown gives a meaning is escaped, so
that no heading, link, image or HTML comes of them. An answer is Markdown already: lists, tables, emphasis and code
stay, and links, images, HTML and what may pass for a heading of ours become text.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from conversations.models import Role
from conversations.transcripts.pieces import Transcript, about, gone_note, note_on, place_of

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_SIGNS = re.compile(r"([\\`*_\[\]<>&~|$@])")
# Only at the beginning of a line: headings, lists and rules.
_BLOCK_SIGNS = re.compile(r"^(\s*)([#+=:-]|\d+(?=[.)]))", re.MULTILINE)
# Addresses that some take for links wherever they stand.
_ADDRESS = re.compile(r"(?i)\b((?:https?|ftp|mailto)(?=:)|www(?=\.))")
_HEADING = re.compile(r"^( {0,3})(#{1,6})(?=\s|$)")
_UNDERLINE = re.compile(r"^( {0,3})(=+|-+)[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
# What makes a link of brackets, and a definition of one.
_LINK = re.compile(r"\](?=[(\[:])")
_TAG = re.compile(r"(\\*)<(?=[A-Za-z/!?])")


def as_markdown(transcript: Transcript) -> str:
    title = _line(transcript.title) or _("Conversation")
    parts = [f"# {title}", escaped(about(transcript))]
    for number, message in transcript.turns():
        if message["role"] == Role.USER:
            parts += [f"## {_('Question {number}').format(number=number)}", _question(message["content"])]
        else:
            parts += [f"## {_('Answer')}", *_answer(message)]
    return "\n\n".join(filter(None, parts)) + "\n"


def escaped(text: str) -> str:
    """Text that means nothing to Markdown but itself."""
    text = _SIGNS.sub(r"\\\1", _CONTROLS.sub(" ", text))
    text = _ADDRESS.sub(r"\1\\", text)
    return _BLOCK_SIGNS.sub(lambda found: f"{found[1]}{_escaped_sign(found[2])}", text)


def _escaped_sign(sign: str) -> str:
    """Of a number at the beginning of a line it is the full stop behind it that makes a list."""
    return f"{sign}\\" if sign.isdecimal() else f"\\{sign}"


def _line(text: str) -> str:
    return escaped(" ".join(text.split()))


def _question(content: str) -> str:
    """Its lines as they were asked; spaces at the beginning of one would make it code."""
    lines = [escaped(line.strip()) for line in content.replace("\r\n", "\n").strip().split("\n")]
    return "\n".join(f"{line}  " if line else line for line in lines).rstrip()


def _answer(message: Mapping[str, Any]) -> list[str]:
    note = note_on(message)
    parts = [harmless(message["content"]).strip("\n"), f"*{_line(note)}*" if note else ""]
    if message["citations"]:
        parts += [f"### {_('Sources')}", "\n".join(map(_source, message["citations"]))]
    return parts


def _source(citation: Mapping[str, Any]) -> str:
    line = f"- \\[{citation['marker']}\\] {_line(citation['title'])}, {_line(place_of(citation))}"
    if citation["url"] is None:
        return f"{line} ({gone_note()})"
    return f"{line}: “{_line(citation['quote'])}” <{citation['url']}>"


def harmless(answer: str) -> str:
    """An answer without links, images, HTML and headings. Code is fenced from the margin on, so that where it ends
    is the same to every reader of it.
    """
    fence = ""
    lines = []
    for line in _CONTROLS.sub(" ", answer.replace("\r\n", "\n")).split("\n"):
        found = _FENCE.match(line)
        if fence:
            is_end = found is not None and found[1].startswith(fence) and line.strip() == found[1]
            lines.append(line.strip() if is_end else line)
            fence = "" if is_end else fence
        elif found:
            # What stands behind it is for highlighting only.
            fence = found[1]
            lines.append(fence)
        else:
            lines.append(_harmless_line(line))
    # Code that was never closed would take all that follows along.
    return "\n".join([*lines, fence] if fence else lines)


def _harmless_line(line: str) -> str:
    line = _LINK.sub("]\\\\", line)
    line = _TAG.sub(lambda found: f"{found[1]}<" if len(found[1]) % 2 else f"{found[1]}\\<", line)
    return _UNDERLINE.sub(r"\1\\\2", _HEADING.sub(r"\1\\\2", line))

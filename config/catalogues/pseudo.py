"""English that only looks foreign: accents, brackets, and two fifths longer.

Whatever is shown without brackets has not gone through gettext; whatever does not fit will not in German.
"""

import re
from pathlib import Path

import allauth
import django
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

PSEUDO = "en_XA"
OPEN, CLOSE = "⟦", "⟧"
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_STRANGE = str.maketrans(_PLAIN, "áƀçđéƒǧĥíĵķĺḿñóƥɋřšťúṽŵẋýžÁƁÇĐÉƑǦĤÍĴĶĹḾÑÓƤɊŘŠŤÚṼŴẊÝŽ")
# What is filled in later, tags, entities and addresses stay as they are.
_KEPT = re.compile(r"%(?:\(\w+\))?[-#0-9.]*[a-zA-Z%]|\{[^{}]*\}|<[^>]+>|&\w+;|https?://\S+")
_LONGER = 0.4


def pseudo(text: str) -> str:
    """A sentence in brackets, as it would look in a language with longer words."""
    if not text.strip():
        return text
    parts, at = [], 0
    for kept in _KEPT.finditer(text):
        parts += [text[at : kept.start()].translate(_STRANGE), kept.group()]
        at = kept.end()
    parts.append(text[at:].translate(_STRANGE))
    said = "".join(parts)
    body = said.rstrip("\n")
    return f"{OPEN}{body}{_padding(text)}{CLOSE}{said[len(body) :]}"


def _padding(text: str) -> str:
    """Words of a few letters, so that lines break in it as they do in sentences."""
    more = max(1, round(len(_KEPT.sub("", text)) * _LONGER))
    return "".join(" " if place % 6 == 0 else "~" for place in range(more))


def pseudo_catalogue(messages: Catalog) -> Catalog:
    """The project's sentences, and those of Django and allauth that it shows, in the pseudo-language."""
    made = Catalog(project="Docent", charset="utf-8", fuzzy=False)
    for source in (messages, *map(_foreign, (django, allauth))):
        for message in source:
            if message.id and not (isinstance(message.id, str) and _is_format(message.id)):
                made.add(message.id, _pseudo_of(message), context=message.context)
    return made


def _foreign(package: object) -> Catalog:
    folder = Path(str(package.__file__)).parent  # type: ignore[attr-defined]
    merged = Catalog(fuzzy=False)
    for path in sorted(folder.rglob("locale/en/LC_MESSAGES/django.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                merged.add(message.id, context=message.context)
    return merged


def _pseudo_of(message: Message) -> str | tuple[str, ...]:
    if isinstance(message.id, tuple):
        return tuple(pseudo(one) for one in message.id)
    return pseudo(str(message.id))


def _is_format(text: str) -> bool:
    """No sentence but how dates, lists and addresses are written."""
    return text in {"DATE_FORMAT", "%(value)s %(filetype)s"}

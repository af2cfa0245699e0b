"""Languages that run from right to left: what is filled into a sentence keeps its own direction and its place.

Unicode's isolates (Unicode Standard Annex 9, 2.4) stand around it: without them "2. Opening hours" comes out as
"Opening hours .2" amid Arabic, and the full stop after a name that ends in a figure goes before it.
"""

import re

from babel.messages.catalog import Catalog

FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE = "\u2068", "\u2069"
# Tags stay as they are, and addresses, which whoever reads them as text would take the signs for a part of.
_FILLED_IN = re.compile(r"<[^>]*>|(?P<place>%\((?!\w*url\))\w+\)s|\{(?!\w*(?:url|path)\})\w+\})")


def isolated(text: str) -> str:
    """A translated sentence whose places for names, titles and dates are isolates."""
    return _FILLED_IN.sub(
        lambda found: (
            f"{FIRST_STRONG_ISOLATE}{found['place']}{POP_DIRECTIONAL_ISOLATE}" if found["place"] else found[0]
        ),
        text,
    )


def isolate_catalogue(catalogue: Catalog) -> None:
    """Do so in all sentences of a language that is written from right to left."""
    if catalogue.locale is None or catalogue.locale.text_direction != "rtl":
        return
    for message in catalogue:
        if message.id and isinstance(message.string, tuple | list):
            message.string = tuple(isolated(one) for one in message.string)
        elif message.id:
            message.string = isolated(str(message.string or ""))

"""Exact words in a search by words: what stands in quotation marks must be there, what a minus precedes must not.

As people write it to search engines: `"night train" refund -winter -"sleeping car"`. Small words in a phrase stand
for any one word.
"""

import re
from dataclasses import replace

from retrieval.types import Scope

# Every one is a condition of its own: what goes beyond this many is read as plain words.
MAX_PHRASES = 20
_EXACT = re.compile(
    r"""(?<!\S)(?P<minus>-)?(?:["“„«»](?P<quoted>[^"“”„«»]*\w[^"“”„«»]*)["“”«»]|(?<=-)(?P<word>\w\S*))"""
)


def exact_words(question: str, scope: Scope) -> tuple[str, Scope]:
    """The question without what it excludes, and the scope narrowed to what has its exact words."""
    found = list(_EXACT.finditer(question))[:MAX_PHRASES]
    phrases = tuple(match["quoted"] for match in found if not match["minus"])
    without = tuple(match["quoted"] or match["word"] for match in found if match["minus"])
    for match in reversed(found):
        # The marks go: to a database that knows only ASCII's signs, typographic ones are letters of the word.
        stays = "" if match["minus"] else match["quoted"]
        question = f"{question[: match.start()]} {stays} {question[match.end() :]}"
    return question, replace(scope, phrases=phrases, without=without)

"""What a reader sees of a text, for whoever reads only its code points.

A file can hold signs that nobody sees (zero-width ones, tag characters, marks that turn the writing's direction)
and letters that only look like others. A model reads the first as instructions, a search finds neither. What is
saved and shown stays as it was extracted: this is for embedding, matching and prompts.
"""

import re
import unicodedata

# Soft hyphen, joiners, fillers, direction marks, variation selectors, annotations, tags. Line breaks are none.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{_UNSEEN}]+")
# Between letters of Arabic and Indic scripts the joiners spell; there they are seen.
_SPELLING = re.compile("(?<=[\u0600-\u0dff])[\u200c\u200d](?=[\u0600-\u0dff])")
# Ligatures, presentation forms, full and half width, letters of mathematics: other shapes of plain letters.
_SHAPES = re.compile("[\ufb00-\ufdff\ufe70-\ufefc\uff01-\uffef\U0001d400-\U0001d7ff]+")

_CYRILLIC = "АВЕКМНОРСТУХЅІЈԚԜавекмнорстухѕіјԁһԛԝ", "ABEKMHOPCTYXSIJQWabekmhopctyxsijdhqw"
_GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιν", "ABEZHIKMNOPTYXoiv"
_LOOKALIKES = str.maketrans(_CYRILLIC[0] + _GREEK[0], _CYRILLIC[1] + _GREEK[1])
_MIXED = re.compile(rf"(?=[^\W\d_]*[A-Za-z])(?=[A-Za-z{_UNSEEN}]*[\u0370-\u052f])[\w{_UNSEEN}]+")
# A database without a language takes every sign beyond ASCII for part of a word, spaces too.
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_TORN = re.compile(rf"[\w{_UNSEEN}]*[{_UNSEEN}][\w{_UNSEEN}]*")
_FOREIGN = re.compile("[\u0370-\u052f]")


def without_unseen(text: str) -> str:
    """The text without the signs that nobody sees."""
    if text.isascii() or not _INVISIBLE.search(text):
        return text
    return _INVISIBLE.sub(_spelt, text)


def _spelt(run: re.Match[str]) -> str:
    return run[0] if _SPELLING.match(run.string, run.start()) and len(run[0]) == 1 else ""


def latinised(text: str) -> str:
    """As long as before, Latin letters for the Greek and Cyrillic ones that look so in Latin words."""
    if text.isascii() or not _FOREIGN.search(text):
        return text
    return _MIXED.sub(_latin, text)


def _latin(word: re.Match[str]) -> str:
    plain = word[0].translate(_LOOKALIKES)
    # What still has letters of its own is a word of two scripts and no disguise.
    return word[0] if _FOREIGN.search(plain) else plain


def legible(text: str) -> str:
    """As long as before, every word in one piece and in its own letters, between plain spaces.

    Spaces stand in place of what nobody sees, behind its word: where words begin stays the same, so that passages
    are searched by this and shown at their places.
    """
    if text.isascii():
        return text
    text = _SPACES.sub(" ", text)
    return latinised(_TORN.sub(_mended, text) if _INVISIBLE.search(text) else text)


def _mended(word: re.Match[str]) -> str:
    return without_unseen(word[0]).ljust(len(word[0]))


def plain(text: str) -> str:
    """The text by its plain letters: nothing unseen, no look-alikes, no other shapes."""
    if text.isascii():
        return text
    return _SHAPES.sub(lambda run: unicodedata.normalize("NFKC", run[0]), latinised(without_unseen(text)))

"""Which language a text is written in."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from documents.idle_unloader import idle_unloader

SAMPLE = 4000
"""Characters of a text's beginning that are enough to tell."""

_SURE = 0.8
_SHORTEST = 20


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


idle_unloader.register(_identifier.cache_clear)


def language_of(text: str) -> str:
    """The ISO 639-1 code of the text's language; "" where it is too short or too mixed to tell."""
    text = " ".join(text[:SAMPLE].split())
    if sum(map(str.isalpha, text)) < _SHORTEST:
        return ""
    language, probability = _identifier().classify(text)
    return str(language) if probability >= _SURE else ""

"""Answer or refuse: do the passages found say anything about the question?"""

from dataclasses import dataclass

from retrieval.types import Found

# Below this the best passage is about something else.
MIN_COSINE = 0.22


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` says in words why there is no answer."""

    is_enough: bool
    reason: str = ""


def judge(found: Found) -> Verdict:
    """Whether to answer from what was found.

    No passage near in meaning: no. Otherwise it depends on the question's names: when a document is called
    by one of them, yes; when as many are unknown to every passage as are known, no. What was found by its words
    alone is left to the model that answers.
    """
    if not found.hits and found.by_words_alone:
        reason = "The embedding model cannot be used just now, so only words were compared, and none were found."
        return Verdict(is_enough=False, reason=reason)
    if not found.hits:
        return Verdict(is_enough=False, reason="Nothing was found.")
    if not found.by_words_alone and max(hit.cosine for hit in found.hits) < MIN_COSINE:
        return Verdict(is_enough=False, reason="Nothing that was found is close to the question.")
    names = found.names
    if not names.titled and names.missing and len(names.missing) >= len(names.known):
        return Verdict(is_enough=False, reason=f"No passage mentions {_listed(names.missing)}.")
    return Verdict(is_enough=True)


def _listed(names: tuple[str, ...]) -> str:
    return " or ".join(f"“{name}”" for name in names[:3])

"""The words of a text by what they weigh, and whether two texts say the opposite with the same words."""

import re
from dataclasses import dataclass, field

from retrieval.citations.folded_text import is_unspaced

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_COMMON = frozenset(
    "a an and are as at be been but by for from had has have how in into is it its of on or our s than that the"
    " their there these they this those to was we were what which while will with would you your also according"
    " der die das den dem des ein eine einer und oder von zu im in mit auf für ist sind war wurde"
    " le la les un une des du de et ou en dans est sont par pour sur el los las y o del con que se es"
    " il lo gli di e è da per"
    # Parts of numbers.
    " thousand million millions billion billions trillion percent prozent mio mrd mn bn".split()
)
_ENDINGS = ("ings", "ing", "ies", "ed", "es", "e", "s")
_SHORTEST_STEM = 3
_NEGATIONS = frozenset(
    "not no never neither nor none without cannot nobody nothing kein keine keinen keiner nicht nie ohne"
    " pas jamais aucun aucune sans nunca ningun ninguna sin mai nessuno nessuna senza".split()
)
_NOT_ONLY = re.compile(r"\bnot (?:only|just|merely|limited to|least)\b")
# Where what is denied ends: at a stop, or where the sentence turns.
_CLAUSE = re.compile(
    r"[,;:.!?()\u3002\uff0c\u3001\"]|\b(?:but|however|although|though|while|whereas|aber|mais|pero|ma)\b"
)
_DENIED = 4
_UP = frozenset(
    "increase increased increases increasing rise rises rose risen rising grow grows grew grown growing growth"
    " gain gained climb climbed climbing higher improve improved improving expanded up".split()
)
_DOWN = frozenset(
    "decrease decreased decreases decreasing fall falls fell fallen falling decline declined declines declining"
    " drop dropped drops shrink shrank lower lowered reduce reduced reduction down".split()
)


@dataclass(frozen=True, slots=True)
class Wording:
    """Of a folded text: what each of its words weighs, which of them it denies, and which way things go."""

    text: str = field(repr=False)
    weights: dict[str, float] = field(init=False)
    denied: frozenset[str] = field(init=False)
    affirmed: frozenset[str] = field(init=False)
    ways: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        words = words_of(self.text)
        denied, affirmed = _denied(self.text)
        ways = {
            way for way, signs in (("up", _UP), ("down", _DOWN)) if signs.intersection(_WORD.findall(self.text))
        }
        object.__setattr__(self, "weights", {word: 1.0 if len(word) > _SHORTEST_STEM else 0.5 for word in words})
        object.__setattr__(self, "denied", denied)
        object.__setattr__(self, "affirmed", affirmed)
        object.__setattr__(self, "ways", frozenset(ways))

    def contradicts(self, other: "Wording") -> bool:
        """Whether one denies what the other says, or has rise what the other has fall."""
        if len(self.ways) == 1 and len(other.ways) == 1 and self.ways != other.ways:
            return True
        return bool(
            (self.denied - self.affirmed) & (other.affirmed - other.denied)
            or (self.affirmed - self.denied) & (other.denied - other.affirmed)
        )


def words_of(text: str) -> list[str]:
    """The words that mean something, without their endings; of writing without spaces each pair of signs."""
    return [term for word in _WORD.findall(text) for term in _terms(word)]


def _terms(word: str) -> list[str]:
    if any(map(is_unspaced, word)):
        return [word[place : place + 2] for place in range(max(1, len(word) - 1))]
    if word in _UP or word in _DOWN:
        return ["(up)" if word in _UP else "(down)"]
    base = word.removesuffix("'s").removesuffix("'")
    return [] if base in _COMMON or _is_negation(word) else [stem(base)]


def stem(word: str) -> str:
    """An English word without its ending."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) > _SHORTEST_STEM:
            return word.removesuffix(ending)
    return word


def _is_negation(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")


def _denied(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The few words after each negation, up to the clause's end; and all others."""
    denied: set[str] = set()
    affirmed: set[str] = set()
    for clause in _CLAUSE.split(_NOT_ONLY.sub(" ", text)):
        left = 0
        for word in _WORD.findall(clause):
            if _is_negation(word):
                left = _DENIED
                continue
            terms = _terms(word)
            (denied if left else affirmed).update(terms)
            left = max(0, left - len(terms))
    return frozenset(denied), frozenset(affirmed)

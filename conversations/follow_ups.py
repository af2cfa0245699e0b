"""Questions that lean on the conversation, as "and in 2021?" does: which they are, and made whole by rules.

The rules know English, and the barest forms ("und 2021?") of its neighbours. A question that they do not recognise
counts as whole: it is searched as it was asked, and costs nothing.
"""

import re
from collections.abc import Sequence

from retrieval.question_names import names_in

# Longer ones say enough.
_MAX_LENGTH = 1000
_MAX_TOPIC = 300
_MAX_FRAGMENT = 8
# From here on a question without a verb names its subject well enough by itself.
_SUBJECT_WORDS, _SUBJECT_WORDS_BESIDE_A_NAME = 3, 2

_LEAD = re.compile(
    r"(?:(?:ok|okay|and|but|or|also|then|so|now|well|und|et|y)\b[\s,:;–—-]*"
    r"|(?:what|how)\s+(?:about|of)\b\s*|was ist mit\b\s*|the\s+same\b(?=\s+(?:for|in|with|at|of|by)\b)\s*)+",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w’'&.-]*\w|[,;:]")
_PREPOSITIONS = frozenset(
    "about after at before by during for from in of on per since than through to under until with within without"
    " für im bei von aus ab mit pour en de".split()
)
_AUXILIARIES = frozenset(
    "is are was were be been am do does did has have had can could may might must shall should will would".split()
)
_QUESTION_WORDS = frozenset("what which who whom whose when where why how".split())
_ORDERS = frozenset(
    "list show give find explain describe summarise summarize compare tell name state calculate define".split()
)
_FILLING = frozenset(
    "a an the of and only just too please instead again fiscal year years quarter quarters month one exactly"
    " much many long often jahr jahre quartal année".split()
)
_SMALL = _PREPOSITIONS | _AUXILIARIES | _QUESTION_WORDS | _FILLING
_ENGLISH = _AUXILIARIES | _QUESTION_WORDS | frozenset("the of about explain tell and".split())

_GO_ON = re.compile(
    r"(?:(?:please\s+)?(?:(?:tell|give|show)\s+me\s+)?(?:some\s+)?more"
    r"(?:\s+(?:details?|detail|information|please|about it))?"
    r"|(?:please\s+)?(?:go on|continue|elaborate|explain(?: further| more)?)|in (?:more|greater) detail"
    r"|why(?:\s+(?:not|so|exactly))?|how(?:\s+(?:so|come|exactly|much|many|long|often))?|since when|until when"
    r"|when(?: exactly)?|where(?: exactly)?|who(?: else| exactly)?|what else|which(?: ones?)?"
    r"|really|for example|such as|anything else)",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"\bit\s+(?:possible|allowed|permitted|forbidden|true|right|correct|necessary|required|mandatory|legal|safe|worth"
    r"|enough|common|usual|advisable|okay|ok)\s+(?:to|that|if|for|when|under|during|in)\b"
    r"|\b(?:it\s+(?:take|takes|took|cost|costs|mean|make sense)|would\s+it\s+\w+)\b[^,]*\s+(?:to|if|that)\s",
    re.IGNORECASE,
)
_SAID_BEFORE = re.compile(
    r"\byou\s+(?:just\s+)?(?:said|mentioned|wrote|listed|named)\b|\byour\s+(?:last\s+|previous\s+)?answer\b"
    r"|\b(?:the|that)\s+(?:former|latter|above|others?)(?=\W*$|\s+(?:is|are|was|were|do|does|did|has|have))"
    r"|\b(?:which|that|the|this|first|second|third|last|other|next)\s+ones?\b",
    re.IGNORECASE,
)
_MANY = frozenset("they them their theirs".split())
_ONE = frozenset("it its".split())
_PERSON = frozenset("he she him his her hers".split())
_POSSESSIVE = frozenset("their its his her".split())
_ARTICLES = frozenset("a an the each every any no".split())
_CLAUSE = frozenset(", ; and but or when if while after before because although which who that whether".split())
_ANYBODY = frozenset("everyone everybody anyone anybody someone somebody nobody people staff person".split())
_OF_WHAT = re.compile(
    r"^(?:what|which|how\s+\w+)\s+(?:is|are|was|were)\s+(?:the|a|an)\s+(?:[\w-]+\s+){1,3}(?:of|in|on|for|to|about)$",
    re.IGNORECASE,
)

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_YEAR_RANGE = re.compile(
    r"\b(?:between|from)\s+(?:19|20)\d\d\s*(?:and|to|until|[-–])\s*(?:19|20)\d\d\b", re.IGNORECASE
)
_PART = re.compile(
    r"\b(?:Q[1-4]|[1-4]Q|H[12]|(?:(?:the\s+)?(?:first|second|third|fourth|last|1st|2nd|3rd|4th)\s+(?:quarter|half))"
    r"|January|February|March|April|June|July|August|September|October|November|December)\b"
)
_PERIOD = re.compile(rf"\b(?:FY|CY)?\s?{_YEAR.pattern}|{_PART.pattern}", re.IGNORECASE)
_WHAT_OF = re.compile(
    r"^(?P<ask>(?:what|how\s+\w+)\s+(?:is|are|was|were)\s+)(?:the\s+)?.+?(?P<rest>\s(?:of|for|in|at|by)\s.+)$",
    re.IGNORECASE | re.DOTALL,
)
_OPENING = re.compile(
    r"^(?:please\s+)?(?:(?:what|which|who|whom|whose|when|where|why"
    r"|how(?:\s+(?:much|many|long|often|high|big|large))?)\b"
    r"\s*(?:is|are|was|were|do|does|did|has|have|had|can|could|may|must|should|will|would)?\b"
    r"|(?:is|are|was|were|do|does|did|has|have|can|may|must|should|will)\b"
    r"|tell me about|show me|give me|explain)\s*"
    r"(?:the\s+)?",
    re.IGNORECASE,
)


def needs_conversation(question: str) -> bool:
    """Whether what was asked before is needed to understand this."""
    question = " ".join(question.split())
    if len(question) > _MAX_LENGTH:
        return False
    rest, has_lead = _without_lead(question)
    if not rest or _GO_ON.fullmatch(rest):
        return True
    said = _SAID_BEFORE.search(rest)
    if said and not _content_of(rest[: said.start()], ()):
        return True
    if _is_english(question) and _points_back(rest):
        return True
    words = _words(rest)
    if _has_verb(words):
        return False
    begins = words[0].casefold() if words else ""
    is_afterthought = has_lead or begins in _PREPOSITIONS
    # A capital at the beginning makes a name of the first word of what is added, not of a greeting or a keyword.
    names = _names_of(rest) if is_afterthought else names_in(rest)
    if len(words) <= _MAX_FRAGMENT and not _content_of(rest, names):
        return True
    return (is_afterthought or (begins == "the" and not names)) and not _names_its_subject(rest)


def made_whole(question: str, last: str) -> str:
    """The question with what it leaves out taken from the last whole one."""
    rest, _ = _without_lead(" ".join(question.split()))
    last = " ".join(last.split())
    if rest and len(last) <= 2 * _MAX_TOPIC:
        filled = _filled(rest, last) or _named(rest, last) or _of_the_same(rest, last)
        if filled is not None:
            return filled
    return f"{_topic(last)}: {rest or question}{'' if question.endswith('.') else '?'}"


def last_whole(questions: Sequence[tuple[str, str]]) -> str:
    """The latest question that stands by itself, of pairs: what was asked, and as what it was searched or ""."""
    for asked, searched in reversed(questions):
        if searched or not needs_conversation(asked):
            return searched or asked
    return ""


def _without_lead(question: str) -> tuple[str, bool]:
    text = question.strip(" ?!.…")
    lead = _LEAD.match(text)
    return (text[lead.end() :].strip(), True) if lead else (text, False)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _is_english(question: str) -> bool:
    return any(word.casefold() in _ENGLISH for word in _words(question))


def _has_verb(words: Sequence[str]) -> bool:
    """Of what asks or orders. Questions begin so, or have an auxiliary somewhere."""
    small = [word.casefold() for word in words]
    if not small or small[0] in _ORDERS or any(word in _AUXILIARIES for word in small):
        return bool(small)
    content = (word for word in words[1:] if word.casefold() not in _SMALL and not _PERIOD.fullmatch(word))
    return small[0] in _QUESTION_WORDS and any(not word[0].isupper() for word in content)


def _names_of(text: str) -> list[str]:
    """Names, also one that begins the text."""
    first = text.split(maxsplit=1)[0].casefold() if text else ""
    return names_in(text) if first in _ORDERS else names_in(f"of {text}")


def _content_of(text: str, names: Sequence[str]) -> list[str]:
    """The words that are neither small nor part of one of the names or a period."""
    for name in names:
        text = text.replace(name, " ")
    text = re.sub(r"(?:(?<=\s)|^)[’']s\b", " ", _PERIOD.sub(" ", text))
    return [word for word in _words(text) if word.casefold() not in _SMALL and word not in {",", ";", ":"}]


def _names_its_subject(text: str) -> bool:
    names = _names_of(text)
    return len(_content_of(text, names)) >= (_SUBJECT_WORDS_BESIDE_A_NAME if names else _SUBJECT_WORDS)


def _points_back(rest: str) -> bool:
    """Whether a pronoun stands for something that the question itself does not name."""
    if _EXPLETIVE.search(rest):
        return False
    words = _words(rest)
    small = [word.casefold() for word in words]
    return any(_is_open(small, place, words) for place in range(len(small)))


def _is_open(small: Sequence[str], place: int, words: Sequence[str]) -> bool:
    word = small[place]
    before = small[place - 1] if place else ""
    after = small[place + 1] if place + 1 < len(small) else ""
    match word:
        case "that":
            points = not before or before in _PREPOSITIONS | _AUXILIARIES | _ORDERS
        case "this":
            points = after in _AUXILIARIES | _PREPOSITIONS | {"", "mean", "affect", "apply", "compare", "change"}
        case "these" | "those":
            points = after not in {"who", "that", "which", "of", "with", "whose"}
        case _:
            points = word in _MANY | _ONE | _PERSON and words[place] != "IT"
    return points and not _is_answered(small, place, words)


def _is_answered(small: Sequence[str], place: int, words: Sequence[str]) -> bool:
    """Whether something before the pronoun is what it stands for."""
    word, before = small[place], small[:place]
    if (
        names_in(" ".join(["of", *words[:place]]))
        if small[0] not in _ORDERS
        else names_in(" ".join(words[:place]))
    ):
        return True
    content = [one for one in before if one not in _SMALL | _ORDERS and one not in _CLAUSE and one != "me"]
    if not content:
        return False
    if any(one in _CLAUSE for one in before[1:]):
        return True
    is_determined = any(one in _ARTICLES for one in before)
    if word in _MANY:
        return is_determined or any(
            one in _ANYBODY or (one.endswith("s") and not one.endswith("ss")) for one in content
        )
    if word in _ONE:
        ends = before[-1] in _PREPOSITIONS
        return is_determined and not (ends and (word == "it" or _OF_WHAT.match(" ".join(before))))
    return word in _PERSON and is_determined


def _filled(rest: str, last: str) -> str | None:
    """Another period, another name or both in the place of the last question's."""
    whole, names, period = last, _names_of(rest), _PERIOD.search(rest)
    if _content_of(rest, names):
        return None
    if names and _is_english(last):
        before = rest.partition(names[0])[0].split()
        whole = _with_name(whole, names[0], before[-1].casefold() if before else "")
    elif names:
        return None
    if period:
        whole = _with_period(whole, rest)
    return whole if names or period else None


def _with_name(text: str, name: str, preposition: str) -> str:
    old = [one for one in _names_of(text) if one != name]
    after = rf"\b{preposition}\s+(?:the\s+)?"
    placed = [one for one in old if preposition and re.search(after + re.escape(one), text)]
    if not old or (preposition in {"in", "at"} and not placed):
        return _with_end(text, f"{preposition or 'for'} {name}")
    return re.sub(rf"(?<!\w){re.escape((placed or old)[0])}(?!\w)", lambda _: name, text)


def _with_period(text: str, rest: str) -> str:
    years, part = _YEAR.findall(rest), _PART.search(rest)
    if years:
        text = _with_year(text, years[-1])
    if part:
        if _PART.search(text):
            return _PART.sub(lambda _: part[0], text, count=1)
        year = _YEAR.search(text)
        joined = f"{part[0]} of" if " " in part[0] else part[0]
        if year is None:
            return _with_end(text, f"in {part[0]}")
        return f"{text[: year.start()]}{joined} {text[year.start() :]}"
    return text


def _with_year(text: str, year: str) -> str:
    if _YEAR_RANGE.search(text):
        return _YEAR_RANGE.sub(f"in {year}", text)
    old = list(dict.fromkeys(_YEAR.findall(text)))
    if not old:
        return _with_end(text, f"in {year}")
    return text.replace(old[-1], year)


def _with_end(text: str, more: str) -> str:
    body = text.rstrip(" ?.!")
    return f"{body} {more}{text[len(body) :].strip() or '?'}"


def _named(rest: str, last: str) -> str | None:
    """The name that the last question is about in the place of a pronoun for somebody, and its period."""
    names = _names_of(last)
    if not names or not _points_back(rest):
        return None
    words = re.findall(r"\w+|\W+", rest)
    for place, word in enumerate(words):
        small = word.casefold()
        if small in _POSSESSIVE:
            words[place] = f"{names[0]}’s"
        elif small in _MANY | _PERSON:
            words[place] = names[0]
        else:
            continue
        period = _PERIOD.search(last)
        whole = "".join(words) + "?"
        whole = whole[0].upper() + whole[1:]
        return _with_period(whole, period[0]) if period and not _PERIOD.search(rest) else whole
    return None


def _of_the_same(rest: str, last: str) -> str | None:
    """ "The net income?" asks it of what the last question asked about."""
    if not rest.casefold().startswith("the ") or _has_verb(_words(rest)):
        return None
    asked = _WHAT_OF.match(last)
    return f"{asked['ask']}{rest}{asked['rest']}" if asked else None


def _topic(last: str) -> str:
    return _OPENING.sub("", last, count=1).strip(" ?!.")[:_MAX_TOPIC]


def essentials_of(question: str) -> list[str]:
    """The years and names that a follow-up brings: whoever makes it whole keeps them."""
    rest, _ = _without_lead(question)
    return [*_YEAR.findall(rest), *_names_of(rest)]


def names_period(question: str) -> bool:
    """Whether it asks for a certain time."""
    return _PERIOD.search(question) is not None

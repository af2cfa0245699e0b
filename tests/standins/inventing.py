"""A model that cites and quotes as it likes: true statements and forged ones, each with its marker, by a seed.

It reads the passages of the prompt as any model would. What it told, and which of it is true, it remembers by
the question.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_PASSAGE = re.compile(r'<passage number="(\d+)"[^>\n]*>\n(.*?)\n</passage>', re.DOTALL)
_SENTENCE = re.compile(r"[A-Z][^.!?\n]{30,200}[.!?](?=\s|$)")
_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")
_VERB = re.compile(r" (is|was|are|were|has|had|may|will|cost|fell|recorded|employed|found|approved|waited|binds) ")
_NONSENSE = (
    "every lighthouse keeper was promised a pony by the harbour board",
    "the moon base recorded 4,711 visitors in the rainy season",
    "nobody but the archivist may open the seventh drawer",
    "all ferries were painted green to please the inspector of taxes",
)
_MARKS = (("“", "”"), ('"', '"'), ("«", "»"), ("„", "“"), ("‘", "’"))
_ODD_MARKERS = (
    "[99]",
    "[0]",
    "[98, 99]",
    "[[97]]",
    "【96】",
    "［95］",
    "[9[94]3]",
    "[1234]",
    "[ 93 ]",
    "[-1]",
    "[٩٩]",
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer: the marker that it was given, and whether the passage of that marker says it.

    `elsewhere` are the passages that have the words of a quotation which its own has not.
    """

    kind: str
    text: str
    marker: int
    is_true: bool
    elsewhere: frozenset[int] = frozenset()


class Inventor:
    """Answers whatever is asked; `told` are the statements by question."""

    def __init__(self, seed: int) -> None:
        self.told: dict[str, list[Statement]] = {}
        self._random = random.Random(seed)

    def answer(self, body: dict[str, Any]) -> str:
        content = body["messages"][-1]["content"]
        question = content.rpartition("Question: ")[2]
        passages = {int(number): text for number, text in _PASSAGE.findall(content)}
        statements = self._statements(passages)
        self.told[question] = statements
        odd = [self._odd() for _ in range(self._random.randrange(3))]
        lines = [one.text for one in statements] + odd
        self._random.shuffle(lines)
        return "\n\n".join(lines)

    def _odd(self) -> str:
        return f"There is more to say about it {self._random.choice(_ODD_MARKERS)}."

    def _statements(self, passages: dict[int, str]) -> list[Statement]:
        """At most one with each marker, so that what became of it can be told."""
        kinds: Sequence[Callable[[int, dict[int, str]], Statement | None]] = (
            self._sentence, self._paraphrase, self._quote, self._block_quote, self._joined, self._two_markers,
            self._figure, self._negation, self._nonsense, self._forged_quote, self._altered_quote,
            self._forged_block, self._unclosed, self._foreign_quote, self._other_passage,
        )  # fmt: skip
        markers = list(passages)
        self._random.shuffle(markers)
        made: list[Statement] = []
        for marker in markers[:4]:
            statement = self._random.choice(kinds)(marker, passages)
            cited = {number for one in made for number in one.elsewhere} | {one.marker for one in made}
            if statement is not None and not ({statement.marker} | statement.elsewhere) & cited:
                made.append(statement)
        return made or [Statement("nothing", "I cannot say.", 0, is_true=False)]

    def _pick(self, passage: str) -> str | None:
        found = _SENTENCE.findall(passage)
        return " ".join(self._random.choice(found).split()) if found else None

    def _sentence(self, marker: int, passages: dict[int, str]) -> Statement | None:
        sentence = self._pick(passages[marker])
        if sentence is None:
            return None
        return Statement("sentence", f"{sentence[:-1]} [{marker}].", marker, is_true=True)

    def _paraphrase(self, marker: int, passages: dict[int, str]) -> Statement | None:
        sentence = self._pick(passages[marker])
        if sentence is None:
            return None
        words = [word for word in sentence[:-1].split() if word not in {"the", "a", "of", "at"}]
        told = f"According to the documents, it holds that {' '.join(words)} [{marker}]."
        return Statement("paraphrase", told, marker, is_true=True)

    def _quote(self, marker: int, passages: dict[int, str]) -> Statement | None:
        sentence = self._pick(passages[marker])
        if sentence is None:
            return None
        words = sentence[:-1].split()
        start = self._random.randrange(max(1, len(words) - 6))
        half = " ".join(words[start : start + self._random.randint(5, 12)]).strip(",;:.")
        left, right = self._random.choice(_MARKS)
        told = f"It is written {left}{half}{right} [{marker}]."
        return Statement("quote", told, marker, is_true=True)

    def _block_quote(self, marker: int, passages: dict[int, str]) -> Statement | None:
        sentence = self._pick(passages[marker])
        if sentence is None:
            return None
        return Statement("block quote", f"> {sentence} [{marker}]", marker, is_true=True)

    def _joined(self, marker: int, passages: dict[int, str]) -> Statement | None:
        found = re.findall(rf"({_SENTENCE.pattern})\s({_SENTENCE.pattern})", passages[marker])
        if not found:
            return None
        first, second = (" ".join(one.split()) for one in self._random.choice(found))
        told = f"{first[:-1]}, and {second[:-1]} [{marker}]."
        return Statement("joined", told, marker, is_true=True)

    def _two_markers(self, marker: int, passages: dict[int, str]) -> Statement | None:
        sentence = self._pick(passages[marker])
        if sentence is None:
            return None
        return Statement("with unknown", f"{sentence[:-1]} [{marker}, 99].", marker, is_true=True)

    def _figure(self, marker: int, passages: dict[int, str]) -> Statement | None:
        sentence = self._pick(passages[marker])
        figures = list(_DIGITS.finditer(sentence)) if sentence else []
        if not sentence or not figures:
            return None
        figure = self._random.choice(figures)
        others = [
            figure[0][:place] + digit + figure[0][place + 1 :]
            for place, sign in enumerate(figure[0])
            for digit in "123456789"
            if sign.isdigit()
        ]
        others = [one for one in others if one not in passages[marker]]
        if not others:
            return None
        other = self._random.choice(others)
        told = f"{sentence[: figure.start()]}{other}{sentence[figure.end() : -1]} [{marker}]."
        return Statement("figure", told, marker, is_true=False)

    def _negation(self, marker: int, passages: dict[int, str]) -> Statement | None:
        sentence = self._pick(passages[marker])
        if sentence is None or not _VERB.search(sentence):
            return None
        told = _VERB.sub(lambda verb: f" {verb[1]} not ", sentence[:-1], count=1)
        return Statement("negation", f"{told} [{marker}].", marker, is_true=False)

    def _nonsense(self, marker: int, _passages: dict[int, str]) -> Statement | None:
        told = f"It is known that {self._random.choice(_NONSENSE)} [{marker}]."
        return Statement("nonsense", told, marker, is_true=False)

    def _forged_quote(self, marker: int, _passages: dict[int, str]) -> Statement | None:
        left, right = self._random.choice(_MARKS)
        told = f"The report says {left}{self._random.choice(_NONSENSE)}{right} [{marker}]."
        return Statement("forged quote", told, marker, is_true=False)

    def _altered_quote(self, marker: int, passages: dict[int, str]) -> Statement | None:
        sentence = self._pick(passages[marker])
        if sentence is None:
            return None
        words = sentence[:-1].split()
        words[self._random.randrange(1, len(words))] = "pineapples"
        return Statement("altered quote", f"It says “{' '.join(words)}” [{marker}].", marker, is_true=False)

    def _forged_block(self, marker: int, passages: dict[int, str]) -> Statement | None:
        sentence = self._pick(passages[marker]) or "Nothing is known of it."
        told = f"> {sentence}\n> And {self._random.choice(_NONSENSE)}.\n>\n> [{marker}]"
        return Statement("forged block quote", told, marker, is_true=False)

    def _unclosed(self, marker: int, _passages: dict[int, str]) -> Statement | None:
        told = f"The report says “{self._random.choice(_NONSENSE)} [{marker}]."
        return Statement("unclosed quote", told, marker, is_true=False)

    def _foreign_quote(self, marker: int, _passages: dict[int, str]) -> Statement | None:
        told = f"[{marker}] says “the minutes of another organisation are kept in the cellar”."
        return Statement("foreign quote", told, marker, is_true=False)

    def _other_passage(self, marker: int, passages: dict[int, str]) -> Statement | None:
        others = [number for number in passages if number != marker]
        sentence = self._pick(passages[self._random.choice(others)]) if others else None
        if sentence is None:
            return None
        quote = sentence[:-1]
        has = {number for number, text in passages.items() if quote in " ".join(text.split())}
        if marker in has or not has:
            return None
        told = f"It says “{quote}” [{marker}]."
        return Statement("quote of another", told, marker, is_true=False, elsewhere=frozenset(has))

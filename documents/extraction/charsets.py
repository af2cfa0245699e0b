"""Which encoding a text is in, where it does not say so, or says what is not true.

A file is UTF-8 if it decodes as such, UTF-16 or UTF-32 if its NULs stand as they do there. Any other is judged
by its characters beyond ASCII: for each language and each encoding that it is written in, how probable the
bytes are if they are that (naive Bayes on single characters, and the language's most frequent words). A few
words are enough for that, where the statistics of whole texts fail.
"""

import codecs
import math
import mmap
import re
import unicodedata
from collections.abc import Iterator

from documents.extraction.alphabets import ALPHABETS, SCRIPTS, Alphabet, Script

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_Data = bytes | mmap.mmap

# What browsers take these names for (WHATWG Encoding Standard, section 4.2)
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "cp950",
}
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f\ufffd]")  # without white space and ESC, which logs have
_CONTROL_SHARE = 0.02
_ESCAPES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_2"), (b"\x1b(J", "iso2022_jp_2"))

_READ = 1 << 20
_WINDOWS, _WINDOW = 24, 400
_ALIGNED = re.compile(rb"[\x00-\x2f]")  # never the second byte of a character in any encoding
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_LETTERS = re.compile(r"[^\W\d_]+")
_MARK_INSIDE_WORD = re.compile(r"(?<=[^\W\d_])[“”‘„‚–…«»€£§°](?=[^\W\d_])")
_BROKEN_SHARE = 0.01
_BROKEN_IN_UTF8 = 0.1  # in other encodings, characters that happen to be sound in UTF-8 are the rarer ones
_LIVING = re.compile(
    r"[\t\n\r\f -~\u00a0-\u052f\u0590-\u06ff\u0900-\u0e7f\u2010-\u2026\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3]"
    r"|[\uff00-\uffef\U0001f300-\U0001faff]"
)
_PLAIN = re.compile(r"[\t\n\r -~\u3001\u3002]")
_TEXT_SHARE = 0.9

# Logarithms of probabilities; only their relations matter
_ASCII = math.log(1 / 30)
_TYPOGRAPHY = math.log(0.02)
_SYMBOL = math.log(1e-4)
_FOREIGN_LETTER = math.log(1e-5)
_IMPOSSIBLE = math.log(1e-8)
_ODD_NEIGHBOUR = math.log(0.03)
_CAPITAL_FIRST, _CAPITAL_AGAIN, _CAPITAL_INSIDE = math.log(0.2), math.log(0.9), math.log(0.002)
_WORD, _MOST_WORDS = 0.7, 6
_RARER_LANGUAGE, _RARER_ENCODING = 0.1, 1.5
_FIRST_WIDE, _FIRST_HALFWIDTH = 0x2E80, 0xFF00
_TYPOGRAPHIC = frozenset("“”‘’„‚–—…«»€£§°•©®№ \u00a0、。，．・！？：；「」『』（）《》　～ー％")
_DECLINE = 3.6  # of frequencies: an alphabet's first letter is e^3.6 times as frequent as its last


def detect(data: _Data) -> str:
    """Python's name of the encoding. Always one: whether what it decodes is text, `looks_binary` tells."""
    head = data[:4]
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    if (wide := wide_encoding(data[: 1 << 16])) is not None:
        return wide
    if is_utf8(data):
        for escape, encoding in _ESCAPES:
            if data.find(escape) >= 0 and _decodes(data[: 1 << 16], encoding):
                return encoding
        return "utf-8"
    return _likeliest(b"\n".join(_samples(data)))


def decode(data: bytes, declared: str | None = None) -> str:
    """The text of some bytes which are said to be in the encoding `declared`; what is broken becomes U+FFFD.

    What is said is believed unless the bytes are evidently otherwise.
    """
    encoding = known(declared) if declared else None
    if any(data.startswith(mark) for mark, _ in BYTE_ORDER_MARKS) or (
        encoding and encoding.startswith("utf-16") and wide_encoding(data) is None
    ):
        encoding = None
    elif encoding and is_utf8(data) and _BEYOND_ASCII.search(data):
        encoding = "utf-8"
    elif encoding and not _decodes(data, encoding):
        encoding = None
    return data.decode(encoding or detect(data), errors="replace")


def looks_binary(text: str) -> bool:
    """Whether decoded text holds NUL, or more control and broken characters than any text file does."""
    return "\0" in text or len(_CONTROLS.findall(text)) > _CONTROL_SHARE * len(text)


def known(label: str) -> str | None:
    """Python's name for what a file calls its encoding, None if there is none."""
    try:
        name = codecs.lookup(label.strip(" \t\r\n\"'").lower()).name
        b" ".decode(name, errors="replace")
    except (LookupError, ValueError, TypeError):  # no encoding, or one of Python's that are not for text
        return None
    return _MEANT.get(name, name)


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte order mark, told by its zeros and controls; None if it is neither."""
    head = head[: len(head) // 2 * 2]
    if not head or not re.search(rb"[\x00-\x08]", head):
        return None
    candidates = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
    best = max(candidates, key=lambda encoding: _share_of_text(head, encoding))
    return best if _share_of_text(head, best) else None


def is_utf8(data: _Data) -> bool:
    """Whether the whole is UTF-8, all but one in ten of its characters beyond ASCII."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    broken = sound = 0
    for offset in range(0, len(data), _READ):
        text = decoder.decode(data[offset : offset + _READ])
        if not text.isascii():
            marks = text.count("\ufffd")
            broken += marks
            sound += len(text) - len(text.encode("ascii", errors="ignore")) - marks
    if decoder.getstate()[0]:  # a last character that is cut off
        broken += sound == 0
    return broken <= sound * _BROKEN_IN_UTF8


def _decodes(data: bytes, encoding: str) -> bool:
    text = data.decode(encoding, errors="replace")
    return text.count("\ufffd") <= max(1, len(text) * _BROKEN_SHARE)


def _share_of_text(head: bytes, encoding: str) -> float:
    """How much of it are characters of living scripts when decoded so, plain spaces and letters counted twice.

    Twice, because ASCII letters with their bytes swapped are Chinese characters.
    """
    text = head.decode(encoding, errors="replace")
    living, plain = (len(pattern.findall(text)) / len(text) for pattern in (_LIVING, _PLAIN))
    return living + plain if living > _TEXT_SHARE and plain else 0.0


def _samples(data: _Data) -> Iterator[bytes]:
    """Windows of the file with bytes beyond ASCII, from everywhere in it, none beginning inside a character."""
    end = 0
    for number in range(_WINDOWS):
        start = max(end, len(data) * number // _WINDOWS)
        found = _BEYOND_ASCII.search(data, start)
        if found is None:
            return
        start = max(end, found.start() - _WINDOW // 4)
        if start > end and end + _WINDOW < start:
            aligned = _ALIGNED.search(data, start, found.start())
            if aligned is None and number:
                continue
            start = aligned.end() if aligned else 0
        end = found.start() + _WINDOW
        yield data[start:end]


def _likeliest(sample: bytes) -> str:
    best, best_score = "cp1252", -math.inf
    languages: tuple[Alphabet | Script, ...] = (*ALPHABETS, *SCRIPTS)
    for order, language in enumerate(languages):
        judge = _Alphabetic(language) if isinstance(language, Alphabet) else _Ideographic(language)
        for rank, encoding in enumerate(language.encodings):
            # cut off characters at the end of the sample are left out
            text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(sample)
            score = judge.score(text) - _RARER_LANGUAGE * order - _RARER_ENCODING * rank
            if score > best_score:
                best, best_score = encoding, score
    return best


class _Judge:
    """How probable a text is in a language; what is cheap to know of each character is kept."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}

    def score(self, text: str) -> float:
        """The logarithm of the text's probability."""
        raise NotImplementedError

    def _probability(self, character: str) -> float:
        if (known := self._known.get(character)) is None:
            known = self._known[character] = self._of_character(character)
        return known

    def _of_character(self, character: str) -> float:
        """Of a character beyond ASCII that is none of the language's own."""
        if character in _TYPOGRAPHIC:
            return _TYPOGRAPHY
        category = unicodedata.category(character)
        if category[0] == "C" or character == "\ufffd":
            return _IMPOSSIBLE
        return _FOREIGN_LETTER if category[0] in "LM" else _SYMBOL


class _Alphabetic(_Judge):
    def __init__(self, language: Alphabet) -> None:
        super().__init__()
        self._language = language
        weights = [math.exp(-_DECLINE * rank / len(language.letters)) for rank in range(len(language.letters))]
        total = sum(weights)
        self._letters = {
            letter: math.log(weight / total) for letter, weight in zip(language.letters, weights, strict=True)
        }

    def score(self, text: str) -> float:
        total, before = 0.0, " "
        is_latin = self._language.is_latin
        for character in text:
            if character.isascii():
                total += _ASCII
                if not is_latin and character.isalpha() and before.isalpha() and not before.isascii():
                    total += _ODD_NEIGHBOUR
            else:
                total += self._probability(character)
                if before.isalpha() and (character.isalpha() or not (is_latin or character in _TYPOGRAPHIC)):
                    total += self._next_to(before, character)
                elif character.isupper():
                    total += _CAPITAL_FIRST
            before = character
        words = self._language.words
        hits = sum(word in words for word in _LETTERS.findall(text.lower())) if words else 0
        inside_words = len(_MARK_INSIDE_WORD.findall(text))
        return total + _WORD * min(hits, _MOST_WORDS) + _ODD_NEIGHBOUR * inside_words

    def _next_to(self, before: str, character: str) -> float:
        """What it changes that a letter beyond ASCII stands after another letter."""
        total = 0.0
        if before.isascii() is not self._language.is_latin:
            total += _ODD_NEIGHBOUR
        if character.isupper():
            total += _CAPITAL_AGAIN if before.isupper() else _CAPITAL_INSIDE
        return total

    def _of_character(self, character: str) -> float:
        letter = self._letters.get(character.lower())
        return letter if letter is not None else super()._of_character(character)


class _Ideographic(_Judge):
    _FREQUENT, _COMMON, _RARE, _OUTSIDE = 0.42, 0.5, 0.02, 0.002  # shares of the text
    _OUTSIDE_SIZE = 15_000
    _ROW = 94

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script
        self._frequent = frozenset(script.frequent)

    def score(self, text: str) -> float:
        return sum(_ASCII if character.isascii() else self._probability(character) for character in text)

    def _of_character(self, character: str) -> float:
        if character in self._frequent:
            return math.log(self._FREQUENT / len(self._frequent))
        if character in _TYPOGRAPHIC or not character.isalpha() or ord(character) < _FIRST_WIDE:
            return super()._of_character(character)
        if ord(character) >= _FIRST_HALFWIDTH:
            return _FOREIGN_LETTER
        try:
            first = character.encode(self._script.plain)[0]
        except UnicodeEncodeError:
            return math.log(self._OUTSIDE / self._OUTSIDE_SIZE)
        size = len(self._script.common) * self._ROW
        return math.log((self._COMMON if first in self._script.common else self._RARE) / size)

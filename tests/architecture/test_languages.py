"""What languages ask of the sources: a catalogue that is not behind, and pages that can run either way."""

from __future__ import annotations

import ast
import re

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import translation

from config.catalogues import pseudo, read_catalogue, take_messages
from config.catalogues.files import po_path
from config.catalogues.isolated import isolated
from config.embedded import PROJECT
from documents.failure_messages import PATTERNS, told
from tests.architecture.sources import modules

PLACEHOLDER = re.compile(r"%\(\w+\)\w|%[ds%]|\{[^{}]*\}")
# Where the screen itself has sides: notches, what a document's table says, and what scripts measure.
PHYSICAL_ON_PURPOSE = re.compile(r"env\(safe-area-inset-(left|right)\)|\[data-align=\"(left|right)\"\]")
SIDE = re.compile(r"(?<![\w-])(left|right)(?![\w-])|-(left|right)(?=[:\s-])")


def test_the_catalogues_are_not_behind_the_sources() -> None:
    """Red? `make messages`, then translate what it says is not translated."""
    call_command("messages", "--check")


def test_every_sentence_is_translated_with_everything_that_is_filled_in() -> None:
    catalogue = read_catalogue(po_path(settings.LOCALE_PATHS[0], "ar"), "ar")
    sentences = [one for one in catalogue if one.id]
    assert len(sentences) > 1000
    for one in sentences:
        ids, forms = _texts(one.id), _texts(one.string)
        assert all(forms), one.id
        known = set(PLACEHOLDER.findall(" ".join(ids)))
        assert all(set(PLACEHOLDER.findall(form)) <= known for form in forms), one.id
        if len(ids) == 1:
            assert sorted(PLACEHOLDER.findall(forms[0])) == sorted(PLACEHOLDER.findall(ids[0])), one.id


def _texts(said: object) -> list[str]:
    """A sentence, or each form of one that counts; what is missing is empty."""
    return [str(one or "") for one in (said if isinstance(said, tuple | list) else [said])]


@pytest.mark.parametrize(
    ("said", "compiled"),
    [
        ("ماذا يقول {title}؟", "ماذا يقول \u2068{title}\u2069؟"),
        ("هل <b>%(email)s</b> لك؟ %(n)d", "هل <b>\u2068%(email)s\u2069</b> لك؟ %(n)d"),
        ('<a href="%(url)s" title="{n}">%(name)s</a>', '<a href="%(url)s" title="{n}">\u2068%(name)s\u2069</a>'),
        ("%(url)s %(documents_url)s {path} 100 %%", "%(url)s %(documents_url)s {path} 100 %%"),
    ],
)
def test_what_is_filled_in_keeps_its_direction_and_its_place(said: str, compiled: str) -> None:
    """UAX 9: amid Arabic "2. Opening hours" would read "Opening hours .2"."""
    assert isolated(said) == compiled
    with translation.override("ar"):
        assert "\u2068{title}\u2069" in translation.gettext("What does {title} say about “{heading}”?")
    with translation.override("en"):
        assert "\u2068" not in translation.gettext("What does {title} say about “{heading}”?")


def test_sentences_of_all_kinds_are_taken() -> None:
    known = {one.id if isinstance(one.id, str) else one.id[0] for one in take_messages(PROJECT)}
    assert {
        "Jump to latest",  # a template's
        "Log in again",  # a script's, by its template
        "There is no such conversation.",  # a refusal's
        "Too many requests",  # a refusal's title
        "Not found",
        "%(n)s document",  # one with a plural
        "The file is empty.",  # a parser's, which knows no gettext
    } <= known


def test_stylesheets_know_no_left_and_right() -> None:
    found = []
    for path in sorted((PROJECT / "static" / "css").glob("*.css")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for line in text.splitlines():
            is_declaration = ":" in line and line.rstrip().endswith(";")
            if is_declaration and SIDE.search(PHYSICAL_ON_PURPOSE.sub("", line)):
                found.append(f"{path.name}: {line.strip()}")
    assert found == []


def test_no_shorthand_has_two_different_sides() -> None:
    found = []
    for path in sorted((PROJECT / "static" / "css").glob("*.css")):
        for name, value in re.findall(r"(padding|margin|inset|border-radius): ([^;]+);", path.read_text()):
            sides = re.findall(r"(?:[^\s()]+\([^()]*(?:\([^()]*\)[^()]*)*\)|[^\s()]+)", value)
            if len(sides) == 4 and "safe-area" not in value and sides[1] != sides[3]:
                found.append(f"{path.name}: {name}: {value}")
    assert found == []


@pytest.mark.parametrize("name", ["ExtractionError", "SourceError"])
def test_what_plain_code_says_with_a_number_in_it_can_be_told_in_every_language(name: str) -> None:
    """`documents.failure_messages` recognises it. What is made of other sentences is exempt: it has no words of
    its own.
    """
    for source in modules("documents/extraction", "documents/sources", "documents/services"):
        for call in source.nodes(ast.Call):
            if ast.unparse(call.func).endswith(name):
                for said in (one for one in call.args if isinstance(one, ast.JoinedStr)):
                    assert _is_known(said), f"{source.path}:{said.lineno}"


def _is_known(said: ast.JoinedStr) -> bool:
    filled = "".join(str(one.value) if isinstance(one, ast.Constant) else "7" for one in said.values)
    words = "".join(str(one.value) for one in said.values if isinstance(one, ast.Constant))
    has_words_of_its_own = len(re.findall(r"[a-z]{3,}", words)) > 3
    return not has_words_of_its_own or any(_matches(pattern, filled) for pattern in PATTERNS)


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", ".+", re.escape(pattern)), text) is not None


def test_a_stored_sentence_is_told_in_the_readers_language() -> None:
    with translation.override("ar"):
        said = told("The document has more than 500 pages. Split it.")
        assert said == "في المستند أكثر من \u2068500\u2069 صفحة. قسّمه."
        assert told("The file is empty.") == "الملف فارغ."
        assert told("nobody has translated this") == "nobody has translated this"
    assert told("The file is empty.") == "The file is empty."


def test_the_pseudo_language_keeps_what_is_filled_in() -> None:
    said = pseudo.pseudo("%(n)s of {count} in <b>here</b>")
    assert said.startswith("⟦%(n)s ")
    assert "{count}" in said
    assert "<b>" in said
    assert len(said) > 1.2 * len("%(n)s of {count} in <b>here</b>")

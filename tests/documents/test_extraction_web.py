"""Web pages, Markdown, tables as text and e-books: their structure comes out as Markdown."""

import random
import re
import time
from pathlib import Path

import pytest

from documents.extraction import extract
from documents.extraction.types import CSV, EPUB, HTML, MARKDOWN
from tests.documents.epubs import ENCRYPTION, epub
from tests.documents.parsing import code_of, read
from tests.documents.pdfs import saved


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<h1>Top <em>one</em></h1><h3>Under</h3><p>Words", "# Top one\n\n### Under\n\nWords"),
        ("<p>one<br> two&nbsp;three\n four<div>five</div>six", "one\ntwo three four\n\nfive\n\nsix"),
        ("<ul><li>a<ul><li>b</ul><li><p>c</p><p>d</p></ul>e", "- a\n  - b\n- c\n  d\n\ne"),
        ("<ol start=3><li>a<ol><li>b</ol><li>c</ol><ol><li>d", "3. a\n   1. b\n4. c\n\n1. d"),
        ("<dl><dt>Term<dd>one<dd>two<dt>Next<dd>three</dl>", "- Term\n  - one\n  - two\n- Next\n  - three"),
        ("<ul><li><h2>Card</h2>words</ul>", "## Card\n\n- words"),
        ("<pre>def f():\n    # no heading\n</pre>", "```\ndef f():\n    # no heading\n```"),
        ("<p># no heading<p>| no row |", "\\# no heading\n\n\\| no row |"),
        ("<p>soft&shy;hyphen <q>said</q> <img alt='A chart' src=x> <a href=//x>link</a>", None),
        ("<ruby>漢<rp>(</rp><rt>kan</rt></ruby>字", "漢字"),
        (
            "Only <script>no()</script><style>p{}</style><noscript>old</noscript><template>t</template>this",
            "Only this",
        ),
        ("<div>" * 400 + "deep", "deep"),
        ("<div role=heading aria-level=3>Says so</div><p role=heading>Too", "### Says so\n\n## Too"),
        ("<h2>History<span class='x mw-editsection'>[edit]</span></h2>Old", "## History\n\nOld"),
    ],
)
def test_what_a_page_is_made_of(page: str, text: str | None) -> None:
    assert read(page.encode(), HTML).text == (text or "softhyphen “said” A chart link")


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (
            "<div>" * 60_000 + "deep" + "</div>" * 60_000 + "<h2>After</h2><div>one</div>two",
            "deep\n\n## After\n\none\n\ntwo",
        ),
        ("<h1>Top</h1>" + "<ul><li>" * 60_000 + "deep", "# Top\n\n- deep"),
    ],
    ids=["divs", "lists"],
)
def test_a_page_that_is_nested_without_end_is_read_in_no_time(page: str, text: str) -> None:
    began = time.process_time()
    result = read(page.encode(), HTML).text

    assert re.sub(r"^ +", "", result, flags=re.M) == text
    assert time.process_time() - began < 5


def test_a_table_keeps_its_grid() -> None:
    page = """<table><caption>Figures</caption>
    <thead><tr><th>Region<th colspan=2>Half</thead><tfoot><tr><td>Sum<td>9<td>8</tfoot>
    <tr><td rowspan=2>North | South<td>1<td>2<br>3<tr><td><ul><li>4<li>5</ul><td><td></table>after"""

    assert read(page.encode(), HTML).text == (
        "Figures\n\n| Region | Half |  |\n| --- | --- | --- |\n| North \\| South | 1 | 2 3 |\n"
        "| North \\| South | 4 5 |  |\n| Sum | 9 | 8 |\n\nafter"
    )


@pytest.mark.parametrize(
    "table",
    [
        "<table role=presentation><tr><td>Left<td>Right</table>",
        "<table><tr><td>Left<td><table><tr><td>Right</table></table>",
        "<table><tr><td>Left<tr><td>Right</table>",
    ],
)
def test_a_table_that_only_arranges_is_read_as_paragraphs(table: str) -> None:
    assert read(table.encode(), HTML).text == "Left\n\nRight"


@pytest.mark.parametrize(
    "around",
    [
        "<nav>menu</nav>",
        "<aside>news</aside>",
        "<footer>imprint</footer>",
        "<div role=navigation>menu</div>",
        "<p hidden>secret</p>",
        "<p aria-hidden=true>icon</p>",
        "<p style='color:red; display : none'>secret</p>",
    ],
)
def test_what_is_around_the_text_is_left_out_unless_there_is_nothing_else(around: str) -> None:
    assert read(f"<p>Words</p>{around}".encode(), HTML).text == "Words"
    assert read(around.encode(), HTML).text in {"menu", "news", "imprint", "secret", "icon"}


def test_what_a_page_says_of_itself() -> None:
    page = """<html lang="de-AT"><title>Jahres&shy;bericht &amp; Plan</title><meta name=Author content="A. B.">
    <meta name=keywords content="x, y"><meta property="article:published_time" content="2024-05-01T10:00:00Z">
    <meta property="article:modified_time" content="yesterday"><h1>Heading</h1>"""

    document = read(page.encode(), HTML).document

    assert document.title == "Jahresbericht & Plan"
    assert document.properties == {
        "author": "A. B.",
        "keywords": "x, y",
        "created": "2024-05-01T10:00:00Z",
        "language": "de-AT",
    }
    assert read(b"<h1>Only <b>this</b></h1>", HTML).document.title == "Only this"
    assert read(b"<p>words", HTML).document.title is None


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ("<meta charset=windows-1251>", "cp1251"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8_r"),
        ('<?xml version="1.0" encoding="windows-1251"?>', "cp1251"),
        ("", "cp1251"),
        ("<meta charset=windows-1251>", "utf-8"),
        ("<meta charset=utf-8>", "utf-16"),
        ("<meta charset=utf-8>", "cp1251"),
    ],
)
def test_a_page_in_any_encoding(declaration: str, encoding: str) -> None:
    page = f"{declaration}<title>Отчёт</title><p>Привет, мир"

    assert read(page.encode(encoding), HTML).text == "Привет, мир"


@pytest.mark.parametrize(
    ("page", "code"),
    [(b"<html><script>x</script>", "no_text"), (b"<img src=x>", "no_text"), (b"<p>a\0\1\2\3\4", "not_text")],
)
def test_a_page_without_text_says_so(page: bytes, code: str) -> None:
    assert code_of(page, HTML) == code


def test_markdown_is_kept_and_its_underlined_headings_and_bare_tables_are_marked() -> None:
    text = """Big
title
=====

text **bold** | bar
more

Part
---
- item
---
a | b
--- | :-:
1 | 2

```sh
# code
---
```

> quote
lazy
---
## Closed ##"""

    assert read(text.replace("\n", "\r\n").encode("utf-16"), MARKDOWN).text == (
        "# Big title\n\ntext **bold** | bar\nmore\n\n## Part\n- item\n---\n| a | b |\n| --- | :-: |\n| 1 | 2 |\n\n"
        "```sh\n# code\n---\n```\n\n> quote\nlazy\n---\n## Closed ##"
    )


@pytest.mark.parametrize(
    ("text", "title", "properties", "body"),
    [
        (
            '---\ntitle: "My: text"\nauthor:\n  - Jane\n  - Joe\ntags: [a, b]\ndate: 2024-05-01\n---\n\nBody',
            "My: text",
            {"author": "Jane, Joe", "keywords": "a, b", "created": "2024-05-01"},
            "Body",
        ),
        ('+++\ntitle = "T"\ndate = yesterday\n+++\nBody', "T", {}, "Body"),
        ("# *First* thing\n\nBody", "First thing", {}, "# *First* thing\n\nBody"),
        ("## Lower\n\nBody", None, {}, "## Lower\n\nBody"),
        ("---\nProse, no fields\n\nBody\n", None, {}, "---\nProse, no fields\n\nBody"),
    ],
)
def test_front_matter_becomes_title_and_properties(
    text: str, title: str | None, properties: dict[str, str], body: str
) -> None:
    result = read(text.encode(), MARKDOWN)

    assert (result.document.title, result.document.properties, result.text) == (title, properties, body)


TABLE = "| Größe | Preis |\n| --- | --- |\n| ä | 1,5 |\n| ü | 2,7 |"


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        ("Größe;Preis\r\nä;1,5\r\nü;2,7\r\n".encode("cp1252"), TABLE),
        ("Größe\tPreis\nä\t1,5\nü\t2,7".encode("utf-16"), TABLE),
        ("sep=|\nGröße|Preis\nä|1,5\nü|2,7".encode(), TABLE),
        ('Größe,Preis\rä,"1,5"\rü,"2,7"'.encode(), TABLE),
        (b'a,b\n"x ""y""\nz",1|2\n', '| a | b |\n| --- | --- |\n| x "y" z | 1\\|2 |'),
        (b'a,b\n1,"open\n2,x\n', '| a | b |\n| --- | --- |\n| 1 | "open |\n| 2 | x |'),
        (b'a,b\n"x"y,2\n', "| a | b |\n| --- | --- |\n| xy | 2 |"),
        (b"a,b\n1\n1,2,3\n", "| a | b |  |\n| --- | --- | --- |\n| 1 |  |  |\n| 1 | 2 | 3 |"),
        (b"Report\n\na,b\n1,2\n", "Report\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"),
        (b"Name;Text\nDoe, J;x\nRoe, K;y", "| Name | Text |\n| --- | --- |\n| Doe, J | x |\n| Roe, K | y |"),
    ],
    ids=["semicolon", "tab", "declared", "old-mac", "quoted", "open", "misplaced", "ragged", "preamble", "commas"],
)
def test_a_table_as_text(contents: bytes, text: str) -> None:
    result = read(contents, CSV)

    assert (result.pages, result.labels) == ([text], [""])


def test_a_long_table_is_cut_by_rows_with_its_header_on_each_page() -> None:
    result = read(b"id,name\n" + b"".join(b"%d,somebody\n" % number for number in range(9_000)), CSV)

    assert len(result.pages) > 2
    assert all(page.startswith("| id | name |\n| --- | --- |\n") for page in result.pages)
    rows = [line for page in result.pages for line in page.split("\n")[2:]]
    assert rows == [f"| {number} | somebody |" for number in range(9_000)]
    assert result.labels[0].startswith("Rows 1–")
    assert result.labels[-1].endswith("–9001")


@pytest.mark.parametrize(("contents", "code"), [(b",,\n,,\n", "no_text"), (b"a,b\n\0\1\2\3", "not_text")])
def test_a_table_that_cannot_be_read_says_so(contents: bytes, code: str) -> None:
    assert code_of(contents, CSV) == code


CHAPTERS = {
    "two.xhtml": "<h1>Second</h1><p>Words<i/> go&nbsp;on.</p><aside>Note</aside>",
    "chapter%201.xhtml": '<a id="x"/><h1>First</h1><p>Short.</p>',
}


def book(**more: str) -> bytes:
    return epub(CHAPTERS, more={"OEBPS/chapter 1.xhtml": "<h1>First</h1><p>Short.</p>", **more})


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    result = read(book(), EPUB)

    assert result.pages == ["# First\n\nShort.", "# Second\n\nWords go on.\n\nNote"]
    assert result.document.title == "The Book"
    assert result.document.properties == {
        "author": "Ann Author, Bo Writer",
        "language": "fr",
        "created": "2020-01-02",
        "modified": "2021-03-04T05:06:07Z",
    }


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        (
            book(**{"META-INF/encryption.xml": ENCRYPTION.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")}),
            "encrypted_file",
        ),
        (epub({"a.xhtml": "<img src='x.png'/>"}), "no_text"),
        (epub({}), "corrupt_file"),
        (epub(CHAPTERS, doctype='<!DOCTYPE package [<!ENTITY a "b">]>'), "forbidden_markup"),
        (book(**{"META-INF/container.xml": "<container/>"}), "corrupt_file"),
        (book(**{"META-INF/container.xml": ""}), "corrupt_file"),
        (book()[:-300], "corrupt_file"),
    ],
    ids=["locked", "pictures", "empty", "entities", "no-package", "blank-container", "cut"],
)
def test_a_book_that_cannot_be_read_says_why(contents: bytes, code: str) -> None:
    assert code_of(contents, EPUB) == code


NAVIGATION = """<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol>
<li><a href="chapter%201.xhtml">Part I</a>
<ol><li><a href="chapter%201.xhtml#x">Later in it</a></li></ol></li><li><a href="two.xhtml"> The
end </a></li></ol></nav></body></html>"""
NCX = """<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN"
"http://www.daisy.org/z3986/2005/ncx-2005-1.dtd"><ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
<navPoint><navLabel><text>Part I</text></navLabel><content src="chapter%201.xhtml"/>
<navPoint><navLabel><text>Later in it</text></navLabel><content src="chapter%201.xhtml#x"/></navPoint></navPoint>
<navPoint><navLabel><text>The end</text></navLabel><content src="two.xhtml"/></navPoint></navMap></ncx>"""


@pytest.mark.parametrize("contents", [{"OEBPS/nav.xhtml": NAVIGATION}, {"OEBPS/toc.ncx": NCX}], ids=["3", "2"])
def test_chapters_without_a_heading_are_called_what_the_contents_call_them(contents: dict[str, str]) -> None:
    chapters = {"two.xhtml": "<p>THE END</p><p>Gone.</p>", "chapter%201.xhtml": ""}
    ours = {"OEBPS/chapter 1.xhtml": "<p>Ships come.</p>", **contents}

    assert read(epub(chapters, more=ours), EPUB).pages == ["# Part I\n\nShips come.", "# The end\n\nGone."]
    ours["OEBPS/chapter 1.xhtml"] = "<h2>Its own</h2><p>Ships come.</p>"
    assert read(epub(chapters, more=ours), EPUB).pages[0] == "## Its own\n\nShips come."


@pytest.mark.parametrize(
    "contents", ["<navPoint>" * 60_000, random.Random(1).randbytes(4_500_000).hex()], ids=["nested", "long"]
)
def test_contents_without_end_do_not_cost_the_book(contents: str) -> None:
    long_one = book(**{"OEBPS/toc.ncx": f"<ncx><navMap>{contents}"})

    began = time.process_time()
    assert read(long_one, EPUB).pages[0] == "# First\n\nShort."
    assert time.process_time() - began < 5


def test_a_book_whose_fonts_alone_are_encrypted_is_read() -> None:
    fonts = ENCRYPTION.format("http://www.idpf.org/2008/embedding")

    assert len(read(book(**{"META-INF/encryption.xml": fonts}), EPUB).pages) == 2


@pytest.mark.parametrize(
    ("contents", "media_type", "text"),
    [
        ("<h1>Über</h1><p>uns".encode("cp1252"), HTML, "# Über\n\nuns"),
        ("Über\n===\n\nuns".encode("cp1252"), MARKDOWN, "# Über\n\nuns"),
        ("Über;uns\n1;2".encode("cp1252"), CSV, "| Über | uns |\n| --- | --- |\n| 1 | 2 |"),
        (book(), EPUB, "# First\n\nShort."),
    ],
)
def test_u5_each_reader_has_in_the_sandbox_what_it_needs(
    tmp_path: Path, contents: bytes, media_type: str, text: str
) -> None:
    assert extract(saved(tmp_path, contents, "file"), media_type).pages[0].text == text

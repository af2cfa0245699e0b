"""ZIP archives of documents: every file comes out, or its name with the reason why not; and what a file is."""

import io
import struct
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import psutil
import pytest

from documents.extraction import ExtractionError, Limits, Member, sniff, unpack
from documents.extraction.types import CSV, DOCX, EML, EPUB, HTML, MARKDOWN, PLAIN_TEXT, XLSX, ZIP
from tests.documents.epubs import epub
from tests.documents.pdfs import saved

MEGABYTE = 2**20
NOISE = Random(4).randbytes(MEGABYTE)  # does not shrink


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, contents in members:
            archive.writestr(name, contents)
    return buffer.getvalue()


def unpacked(tmp_path: Path, contents: bytes, member_size: int = MEGABYTE) -> list[tuple[str, bytes | str]]:
    """Each member's name with its bytes, or the code of its error."""
    return [
        (member.name, contents_of(member))
        for member in unpack(saved(tmp_path, contents, "files.zip"), member_size=member_size)
    ]


def contents_of(member: Member) -> bytes | str:
    if member.error is not None:
        assert member.content is None
        assert member.error.detail.endswith(".")
        return member.error.code
    assert member.content is not None
    with member.content as content:
        return content.read()


def code_of(tmp_path: Path, contents: bytes) -> str:
    with pytest.raises(ExtractionError) as refusal:
        unpacked(tmp_path, contents)
    assert refusal.value.detail.endswith(".")
    return refusal.value.code


def patched(archive: bytes, name: bytes, offset: int, value: int) -> bytes:
    """The archive with two bytes of a member's headers set, at an offset as in its central one."""
    data = bytearray(archive)
    central = data.rindex(name) - 46
    struct.pack_into("<H", data, central + offset, value)
    struct.pack_into("<H", data, data.index(name) - 30 + offset - 2, value)
    return bytes(data)


def test_files_come_out_in_their_order_and_what_systems_add_does_not(tmp_path: Path) -> None:
    archive = zipped(
        ("reports/2024/b.txt", b"b" * 3),
        ("reports/", b""),
        ("__MACOSX/._b.txt", b"x"),
        (".DS_Store", b"x"),
        ("reports/Thumbs.db", b"x"),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'),
        ("empty.txt", b""),
    )

    assert unpacked(tmp_path, archive) == [
        ("reports/2024/b.txt", b"bbb"),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'),
        ("empty.txt", b""),
    ]


def test_u7_names_lead_nowhere_and_are_readable(tmp_path: Path) -> None:
    old = zipped(("abcdef.txt", b"x")).replace(b"abcdef", "Größ1".encode("cp850").ljust(6, b"2"))
    names = [
        "../../etc/passwd",
        "/root/a.txt",
        "..\\..\\win.txt",
        "C:\\x\\y.txt",
        "a\r\n\x1bb.txt",
        "日本語.txt",
        "./c.txt",
    ]

    assert [name for name, _ in unpacked(tmp_path, zipped(*((name, b"x") for name in names)))] == [
        "etc/passwd",
        "root/a.txt",
        "win.txt",
        "C:/x/y.txt",
        "ab.txt",
        "日本語.txt",
        "c.txt",
    ]
    assert unpacked(tmp_path, old)[0][0] == "Größ12.txt"


def test_u2_a_file_that_cannot_come_out_is_named_and_the_others_do(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    archive = zipped(
        ("a.txt", b"a"),
        ("in.zip", zipped(("x.txt", b"x"))),
        ("disguised.txt", zipped(("x.txt", b"x"))),
        ("more.tar.gz", b"\x1f\x8b\x08"),
        ("book.epub", epub({"a.xhtml": "x"})),
        (link, b"/etc/passwd"),
        ("large.bin", NOISE + b"x"),
        ("secret.txt", b"s"),
        ("odd.txt", b"o"),
        ("z.txt", b"z"),
    )
    archive = patched(archive, b"secret.txt", 8, 0x1)
    archive = patched(archive, b"odd.txt", 10, 97)

    result = dict(unpacked(tmp_path, archive))

    assert isinstance(result.pop("book.epub"), bytes)
    assert result == {
        "a.txt": b"a",
        "in.zip": "nested_archive",
        "disguised.txt": "nested_archive",
        "more.tar.gz": "nested_archive",
        "link.txt": "unsupported_type",
        "large.bin": "archive_too_large",
        "secret.txt": "encrypted_file",
        "odd.txt": "corrupt_file",
        "z.txt": b"z",
    }


def test_a_file_whose_bytes_are_damaged_is_named(tmp_path: Path) -> None:
    archive = zipped(("a.txt", b"sound words"), ("b.txt", b"more"), method=zipfile.ZIP_STORED)

    assert unpacked(tmp_path, archive.replace(b"sound", b"found")) == [
        ("a.txt", "corrupt_file"),
        ("b.txt", b"more"),
    ]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: zipped(("zeros", bytes(9 * MEGABYTE))), "archive_too_large"),
        (lambda: zipped(*((f"{n}.txt", b"") for n in range(1_001))), "archive_too_large"),
        (lambda: zipped(*((f"{n}.txt", b"") for n in range(5_001))), "archive_too_large"),
        (lambda: zipped(("a.txt", b"x"))[:-9], "corrupt_file"),
        (lambda: b"PK\x03\x04" + b"\0" * 400, "corrupt_file"),
        (zipped, "empty_file"),
        (lambda: zipped(("folder/", b"")), "empty_file"),
    ],
    ids=["ratio", "members", "entries", "cut", "no-directory", "empty", "folders"],
)
def test_u2_an_archive_that_cannot_be_unpacked_says_why(
    tmp_path: Path, make: Callable[[], bytes], code: str
) -> None:
    contents = make()
    began = time.monotonic()

    assert code_of(tmp_path, contents) == code
    assert time.monotonic() - began < 10


def test_u2_entries_that_share_their_bytes_do_not_add_up(tmp_path: Path) -> None:
    """Many entries of a directory point at one member (David Fifield's bomb): all count."""
    archive = zipped(("a.txt", NOISE[:300_000]))
    start = archive.rindex(b"PK\x01\x02")
    directory, end = archive[start : archive.rindex(b"PK\x05\x06")], archive[archive.rindex(b"PK\x05\x06") :]
    end = end[:8] + struct.pack("<HHI", 900, 900, 900 * len(directory)) + end[16:]

    assert code_of(tmp_path, archive[:start] + directory * 900 + end) == "archive_too_large"


def test_leaving_early_ends_the_unpacking(tmp_path: Path) -> None:
    path = saved(tmp_path, zipped(*((f"{n}.txt", b"x" * 90_000) for n in range(90)), method=0), "files.zip")

    with closing(unpack(path, member_size=MEGABYTE, limits=Limits(seconds=20))) as members:
        assert contents_of(next(members)) == b"x" * 90_000
        assert any(
            "extraction.worker" in word for child in psutil.Process().children() for word in child.cmdline()
        )

    assert not any(
        "extraction.worker" in word for child in psutil.Process().children() for word in child.cmdline()
    )


MAIL = b"Received: from x\r\n by y\r\nFrom: a@b\r\nTo: c\r\nSubject: s\r\n\r\nbody"
PACKAGE = ("[Content_Types].xml", b"")


@pytest.mark.parametrize(
    ("contents", "name", "media_type"),
    [
        (b"<!-- x --><!DOCTYPE html><p>", "a.html", HTML),
        (b"<p class='x'>a fragment", "a.htm", HTML),
        (b"<!DOCTYPE html><p>", "saved.txt", HTML),
        (b"<!DOCTYPE html><p>", "saved", HTML),
        ('<?xml version="1.0"?><html xmlns="x">'.encode("utf-16"), "a.xhtml", HTML),
        (b"no markup", "a.html", PLAIN_TEXT),
        (MAIL, "m.eml", EML),
        (MAIL, "m.txt", EML),
        (b"From a@b Mon\nFrom: a\nTo: b\n\nx", "m.eml", EML),
        (b"To: all\nFrom: me\nSubject: memo\n\nx", "memo.txt", PLAIN_TEXT),
        (b"a;b", "a.csv", CSV),
        (b"a\tb", "a.TSV", CSV),
        (b"# x", "a.markdown", MARKDOWN),
        ("日本語、です。\n".encode("utf-16-be"), "a.txt", PLAIN_TEXT),
        (b'{"a": 1}', "a.txt", PLAIN_TEXT),
        (b"Hello", "Mr. Smith", PLAIN_TEXT),
        (b"Hello", "Report v2.0", PLAIN_TEXT),
        (epub({"a.xhtml": "x"}), "book.epub", EPUB),
        (zipped(PACKAGE, ("word/document.xml", b"")), "a.docx", DOCX),
        (zipped(PACKAGE, ("xl/workbook.xml", b"")), "a", XLSX),
        (zipped(("a.txt", b"x")), "a.zip", ZIP),
    ],
)
def test_u6_a_file_is_what_its_contents_are(contents: bytes, name: str, media_type: str) -> None:
    assert sniff(contents[:8192], name, io.BytesIO(contents)) == media_type


@pytest.mark.parametrize(
    ("contents", "name", "code", "words"),
    [
        (b"<!DOCTYPE html><p>", "login.pdf", "type_mismatch", "a web page"),
        (b"<!DOCTYPE html><p>", "a.csv", "type_mismatch", "a web page"),
        (b"no mail", "m.eml", "type_mismatch", "plain text"),
        (b"%PDF-1.7", "a.html", "type_mismatch", "a PDF"),
        (zipped(("a.txt", b"x")), "a.docx", "type_mismatch", "a ZIP archive"),
        (zipped(PACKAGE, ("xl/workbook.xml", b"")), "a.docx", "type_mismatch", "an Excel workbook"),
        (epub({"a.xhtml": "x"}), "a.zip", "type_mismatch", "an e-book"),
        (zipped(("a.txt", b"x"))[:-9], "a.epub", "corrupt_file", "damaged"),
        (zipped(("a.txt", b"x"))[:-9], "a.txt", "type_mismatch", "a ZIP archive"),
        (zipped(), "a.zip", "empty_file", "empty"),
        (zipped(("mimetype", b""), ("content.xml", b"")), "a.odt", "unsupported_type", "Save it as DOCX"),
        (b'{"a": 1}', "a.json", "unsupported_type", "Save it as plain text, CSV or PDF"),
        (b"<?xml version='1.0'?><a/>", "a.xml", "unsupported_type", "Save it as plain text, CSV or PDF"),
        (b"<?xml version='1.0'?><a/>", "a", "unsupported_type", "XML"),
        (b"{\\rtf1", "a.rtf", "unsupported_type", "Save it as DOCX"),
        (b"\x89PNG\r\n\x1a\n\0", "a.png", "unsupported_type", "Save it as a PDF"),
        (b"\x1f\x8b\x08\0", "a.tar.gz", "unsupported_type", "pack the files as ZIP"),
        (b"\0\1\2\3", "a.csv", "not_text", "binary"),
        (b"\0" * 99, "a.md", "not_text", "binary"),
    ],
)
def test_u6_a_file_that_is_something_else_is_refused_with_words_that_help(
    contents: bytes, name: str, code: str, words: str
) -> None:
    with pytest.raises(ExtractionError) as refusal:
        sniff(contents[:8192], name, io.BytesIO(contents))

    assert refusal.value.code == code
    assert words in refusal.value.detail

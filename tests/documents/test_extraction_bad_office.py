"""Office files that are broken, locked or hostile: each is refused with its reason."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pptx as python_pptx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.extraction import ExtractionError, doc, docx, extract, sniff
from documents.extraction.types import DOC, DOCX, PPTX, XLSX
from tests.documents.office_files import (
    mapped,
    p,
    relations,
    saved_by,
    texts,
    word,
    zipped,
)
from tests.documents.old_word import Paragraph, compound_file, doc_file, in_list, row
from tests.documents.pdfs import saved


def _upload(data: bytes, name: str, media_type: str, path: Path) -> None:
    sniff(data[:8192], name, io.BytesIO(data))
    extract(saved(path, data, name), media_type)


def refused(data: bytes, name: str, media_type: str, path: Path) -> ExtractionError:
    """How a file fails on its way from its upload through the sandbox."""
    with pytest.raises(ExtractionError) as failure:
        _upload(data, name, media_type, path)
    assert failure.value.detail.endswith(".")
    return failure.value


# bad files

GOOD = word(p("fine"))
OLD = doc_file(
    [
        *(Paragraph("Handbook", 1), Paragraph("noted\x02"), Paragraph("item", sprms=in_list(1))),
        *row("a", "b", edges=(0, 1000, 2000)),
        Paragraph("end"),
    ],
    footnotes=["note"],
    sections=[(0, 2)],
    summary={2: "Handbook"},
)
DOCTYPE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
ENCRYPTED = compound_file({"EncryptedPackage": bytes(5000), "EncryptionInfo": b"x"})


def with_part(name: str, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    return zipped(files | {name: data})


def flagged(data: bytes) -> bytes:
    """The same archive, every entry of which says that it is encrypted."""
    marked = bytearray(data)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(magic, at + 1)) >= 0:
            marked[at + offset] |= 1
    return bytes(marked)


@pytest.mark.parametrize(
    ("data", "name", "media_type", "code"),
    [
        (ENCRYPTED, "a.docx", DOCX, "encrypted_file"),
        (ENCRYPTED, "a.xlsx", XLSX, "encrypted_file"),
        (flagged(GOOD), "a.docx", DOCX, "encrypted_file"),
        (doc_file([Paragraph("x")], flags=0x100), "a.doc", DOC, "encrypted_file"),
        (doc_file([Paragraph("x")], version=0x65), "a.doc", DOC, "unsupported_type"),
        (compound_file({"Workbook": b"x"}), "a.xls", XLSX, "unsupported_type"),
        (compound_file({"PowerPoint Document": b"x"}), "a.ppt", PPTX, "unsupported_type"),
        (compound_file({"Workbook": b"x"}), "a.doc", DOC, "type_mismatch"),
        (GOOD, "a.xlsx", XLSX, "type_mismatch"),
        (GOOD[: len(GOOD) // 2], "a.docx", DOCX, "corrupt_file"),
        (GOOD[:200] + bytes(100) + GOOD[300:], "a.docx", DOCX, "corrupt_file"),
        (with_part("word/document.xml", b"<w:document><w:body>"), "a.docx", DOCX, "corrupt_file"),
        (with_part("_rels/.rels", relations()), "a.docx", DOCX, "corrupt_file"),
        (doc_file([Paragraph("x")])[:2000], "a.doc", DOC, "corrupt_file"),
        (word(p("")), "a.docx", DOCX, "no_text"),
        (doc_file([Paragraph("")]), "a.doc", DOC, "no_text"),
        (saved_by(openpyxl.Workbook()), "a.xlsx", XLSX, "no_text"),
        (saved_by(python_pptx.Presentation()), "a.pptx", PPTX, "no_text"),
    ],
)
def test_bad_files_say_what_is_wrong(data: bytes, name: str, media_type: str, code: str, tmp_path: Path) -> None:
    assert refused(data, name, media_type, tmp_path).code == code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("part", ["word/document.xml", "docProps/core.xml", "word/_rels/x.rels"])
def test_U4_a_document_type_is_refused_in_any_part_and_encoding(part: str, encoding: str) -> None:
    markup = b"<?xml version='1.0'?> <!-- <a> -->" + DOCTYPE

    with pytest.raises(ExtractionError) as failure:
        docx.open_document(mapped(with_part(part, markup.decode().encode(encoding))))

    assert failure.value.code == "forbidden_markup"


@pytest.mark.parametrize(
    "head",
    [
        b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE a><a/>',
        '<?xml version="1.0" encoding="cp037"?><!DOCTYPE a><a/>'.encode("cp037"),
        b"<!--" + b"-" * 300_000,
    ],
    ids=["utf-7", "ebcdic", "endless comment"],
)
def test_U4_what_could_hide_a_document_type_is_refused(head: bytes) -> None:
    with pytest.raises(ExtractionError) as failure:
        docx.open_document(mapped(with_part("word/styles.xml", head)))

    assert failure.value.code == "forbidden_markup"


@pytest.mark.parametrize(
    "make",
    [
        lambda: with_part("word/media/a.bin", bytes(9 * 2**20)),
        lambda: zipped({f"word/{number}.xml": b"" for number in range(5_001)}),
        lambda: zipped({"word/document.xml": b"<a/>", "a.bin": bytes(201 * 2**20)}),
    ],
    ids=["ratio", "entries", "total"],
)
def test_U2_archives_that_promise_too_much_are_refused_before_they_are_unpacked(make: Callable[[], bytes]) -> None:
    with pytest.raises(ExtractionError) as failure:
        docx.open_document(mapped(make()))

    assert failure.value.code == "archive_too_large"


def test_U2_an_entry_that_lies_about_its_size_gives_no_more_than_it_declared() -> None:
    honest = with_part("word/document.xml", b"<a>" + bytes(300_000) + b"</a>")
    lying = honest.replace((300_007).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    assert lying != honest

    with pytest.raises(ExtractionError) as failure:
        texts(docx, lying)

    assert failure.value.code == "corrupt_file"


def test_deep_nesting_is_read_as_far_as_it_goes_and_then_refused(tmp_path: Path) -> None:
    opening, closing = "<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>"
    deep = saved(tmp_path, word(opening * 120 + p("deep") + closing * 120))

    assert [page.text for page in extract(deep, DOCX).pages] == ["deep"]
    assert refused(word(opening * 20_000), "a.docx", DOCX, tmp_path).code == "corrupt_file"


@given(st.binary(max_size=400), st.integers(512, 6_000))
def test_old_documents_that_are_damaged_anywhere_are_named_or_read(damage: bytes, at: int) -> None:
    data = bytearray(OLD)
    data[at : at + len(damage)] = damage[: len(data) - at]
    try:
        texts(doc, bytes(data))
    except ExtractionError as error:
        assert error.code in {"corrupt_file", "no_text", "encrypted_file", "unsupported_type"}  # noqa: PT017

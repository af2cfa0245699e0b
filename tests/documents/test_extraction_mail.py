"""Mail: its head, the text that is meant to be read, and each attachment as its own reader reads it."""

import io
from email.message import EmailMessage
from pathlib import Path

import docx
import pytest
from openpyxl import Workbook

from documents.extraction import extract
from documents.extraction.types import EML
from tests.documents.parsing import Read, code_of, read
from tests.documents.pdfs import saved, text_pdf

HEAD = "From: a@b\nTo: c@d\nSubject: s\nMIME-Version: 1.0\n"


def mail(subject: str = "Offer", text: str = "Dear all,\n\nsee below.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Jürgen Groß <jg@example.org>"
    message["To"] = "Ann <ann@example.org>, Zoë <zoe@example.org>"
    message["Date"] = "Mon, 01 Jan 2024 10:00:00 +0100"
    message["Subject"] = subject
    message.set_content(text)
    return message


def attach(message: EmailMessage, name: str, contents: bytes, kind: str = "application/octet-stream") -> None:
    main, sub = kind.split("/")
    message.add_attachment(contents, maintype=main, subtype=sub, filename=name)


def parts(*bodies: str, kind: str = "mixed") -> bytes:
    inner = "".join(f"--b\n{body}\n" for body in bodies)
    return f"{HEAD}Content-Type: multipart/{kind}; boundary=b\n\n{inner}--b--\n".encode("latin-1")


def body(result: Read) -> str:
    """The first page without the head."""
    return result.pages[0].partition("\n\n")[2]


def test_a_mail_begins_with_its_head() -> None:
    result = read(mail("Angebot für März").as_bytes(), EML)

    assert result.labels == [""]
    assert result.text == (
        "From: Jürgen Groß <jg@example.org>\nTo: Ann <ann@example.org>, Zoë <zoe@example.org>\n"
        "Date: Mon, 01 Jan 2024 10:00:00 +0100\nSubject: Angebot für März\n\nDear all,\n\nsee below."
    )
    assert result.document.title == "Angebot für März"
    assert result.document.properties == {
        "from": "Jürgen Groß <jg@example.org>",
        "to": "Ann <ann@example.org>, Zoë <zoe@example.org>",
        "sent": "2024-01-01T10:00:00+01:00",
    }


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (b"=?utf-8?B?R3LDvMOfZQ==?=\r\n =?utf-8?B?IGFsbGU=?=", "Grüße alle"),
        (b"=?iso-8859-1?Q?Gr=FC=DFe?= to =?koi8-r?B?8NLJ18XU?=", "Grüße to Привет"),
        (b"Gr\xfc\xdfe", "Grüße"),
        ("Grüße".encode(), "Grüße"),
        (b"=?bogus?Q?Gr=FC=DFe?=", "Grüße"),
        (b"=?utf-8?B?R3L?= broken", None),
        (b"plain\r\n and folded", "plain and folded"),
    ],
)
def test_headers_in_any_encoding(subject: bytes, expected: str | None) -> None:
    title = read(b"From: a@b\r\nSubject: " + subject + b"\r\nDate: never\r\n\r\nx", EML).document.title

    assert title == expected if expected else title


PLAIN, PAGE = "Content-Type: text/plain\n\nplain words", "Content-Type: text/html\n\n<h1>Page</h1><footer>words"

RELATED = f"Content-Type: multipart/related; boundary=r\n\n--r\n{PAGE}\n--r\nContent-Type: image/gif\n\nx\n--r--"


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        (parts(PLAIN, PAGE, kind="alternative"), "plain words"),
        (parts("Content-Type: text/plain\n\n ", PAGE, kind="alternative"), "# Page\n\nwords"),
        (parts(PLAIN, f"Content-Type: text/html\n\n<p>{'long ' * 40}", kind="alternative"), "long " * 39 + "long"),
        (parts("Content-Type: text/plain\n\n ", RELATED, kind="alternative"), "# Page\n\nwords"),
        (
            parts(PLAIN, RELATED.replace("words", "words " * 40), kind="alternative"),
            "# Page\n\n" + "words " * 39 + "words",
        ),
        (parts(PAGE), "# Page\n\nwords"),
        (parts(PLAIN, "Content-Type: image/png\nContent-ID: <x>\n\nx", PAGE), "plain words\n\n# Page\n\nwords"),
        (parts(PLAIN, "Content-Type: application/pgp-signature\n\nx", kind="signed"), "plain words"),
        (
            parts("Content-Type: text/html; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n8NLJ18XU"),
            "Привет",
        ),
        (
            parts(
                "Content-Type: text/plain; charset=bogus\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe"
            ),
            "Grüße",
        ),
        (parts("Content-Type: text/plain; format=flowed\n\none \ntwo\n>quoted \n>here\n-- \nme"), None),
        (parts(PLAIN)[:-6], "plain words"),
    ],
    ids="plain empty stub related long page mixed signed koi8 bogus flowed cut".split(),
)
def test_the_text_that_is_meant_to_be_read(contents: bytes, text: str | None) -> None:
    assert body(read(contents, EML)) == (text or "one two\n>quoted \n>here\n-- \nme")


def office_files() -> tuple[bytes, bytes]:
    workbook, letter = Workbook(), docx.Document()
    workbook.create_sheet("First", 0).append(["a", "b"])
    letter.add_heading("Letter", 1)
    files = io.BytesIO(), io.BytesIO()
    workbook.save(files[0])
    letter.save(files[1])
    return files[0].getvalue(), files[1].getvalue()


def test_attachments_are_read_by_their_own_readers_in_the_sandbox(tmp_path: Path) -> None:
    sheet, letter = office_files()
    message, inner = mail(), mail("Inner", "Inner words.")
    attach(inner, "inner.txt", "Größe".encode("cp1252"))
    attach(message, "Maße für.csv", b"a;b\n1;2")
    attach(message, "sheet.xlsx", sheet)
    attach(message, "letter.docx", letter)
    attach(message, "offer.pdf", text_pdf([["page one"], [], ["page three"]]), "application/pdf")
    attach(message, "page.html", b"<h2>Web</h2>", "text/html")
    message.add_attachment(inner)
    attach(message, "saved.eml", inner.as_bytes())

    pages = extract(saved(tmp_path, message.as_bytes(), "m.eml"), EML).pages[1:]

    assert [(page.label, page.text.split("\n\n")[-1]) for page in pages] == [
        ("Attachment: Maße für.csv", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("Attachment: sheet.xlsx, Sheet “First”", "| a | b |\n| --- | --- |"),
        ("Attachment: letter.docx", "# Letter"),
        ("Attachment: offer.pdf", "page one"),
        ("Attachment: offer.pdf", "page three"),
        ("Attachment: page.html", "## Web"),
        ("Attachment: Inner", "Inner words."),
        ("Attachment: Inner, Attachment: inner.txt", "Größe"),
        ("Attachment: saved.eml", "Inner words."),
        ("Attachment: saved.eml, Attachment: inner.txt", "Größe"),
    ]
    assert {(page.width, page.height) for page in pages} == {(0.0, 0.0)}


@pytest.mark.parametrize(
    ("name", "contents", "reason"),
    [
        ("scan.png", b"\x89PNG\r\n\x1a\n\0\0", ".png files are not supported. Save it as a PDF."),
        ("cut.pdf", b"%PDF-1.7\n", "The PDF is damaged and cannot be opened. Export or download it again."),
        ("liar.pdf", b"just text", None),
        ("files.zip", None, "It is an archive: unpack it and upload the files in it."),
        ("empty.txt", b"", "The file is empty."),
    ],
)
def test_an_attachment_that_cannot_be_read_is_named_with_its_reason(
    name: str, contents: bytes | None, reason: str | None
) -> None:
    message = mail()
    if contents is None:
        sheet, _ = office_files()
        contents = sheet.replace(b"[Content_Types].xml", b"[Content_Typos].xml")
    attach(message, name, contents)

    result = read(message.as_bytes(), EML)

    assert result.labels == ["", f"Attachment: {name}"]
    assert result.pages[1] == (
        f"The attachment {name} was not read. "
        + (reason or "The file is called .pdf but is plain text. Give it the right name, or upload another file.")
    )


def test_mails_in_mails_end_somewhere() -> None:
    message = mail("0")
    for depth in range(1, 8):
        outer = mail(str(depth))
        outer.add_attachment(message)
        message = outer

    pages = read(message.as_bytes(), EML).pages

    assert len(pages) == 7
    assert pages[-1].endswith("It is a mail in too many mails: upload it by itself.")


NESTED = f"{HEAD}Content-Type: multipart/mixed; boundary=b0\n\n" + "".join(
    f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n\n" for n in range(3_000)
)


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        (parts("Content-Type: application/octet-stream\n\nx", kind="encrypted"), "encrypted_file"),
        (f"{HEAD}Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx".encode(), "encrypted_file"),
        (NESTED.encode(), "corrupt_file"),
        (b"\n\n \n", "no_text"),
    ],
    ids=["pgp", "smime", "nested", "blank"],
)
def test_a_mail_that_cannot_be_read_says_why(contents: bytes, code: str) -> None:
    assert code_of(contents, EML) == code

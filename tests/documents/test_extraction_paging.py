"""Pages of text that has none: where they end, and that nothing is lost; and which encoding a text is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.extraction.charsets import decode, detect, known
from documents.extraction.paging import PAGE_SIZE, cut_markdown
from documents.extraction.types import PLAIN_TEXT
from tests.documents.parsing import code_of, read

SENTENCE = "One sentence follows the other, and every one of them counts. "
TABLE = "\n".join(["| a | b |", "| --- | --- |", *["| one | two |"] * 400])
BLOCKS = st.sampled_from(
    (
        *("# Top", "## Under", "### Deep", "Words.", SENTENCE * 20, SENTENCE * 90, "x" * 7_000, "字" * 4_000),
        *("词。" * 3_000, TABLE, "| " + "w" * 5_000 + " |", "- item\n" * 50, "```\n# code\n```", "", "   "),
    )
)


@given(st.lists(BLOCKS, max_size=12), st.sampled_from(["\n", "\n\n", "\n\n\n"]))
def test_nothing_is_lost_and_only_a_row_makes_a_page_too_long(blocks: list[str], between: str) -> None:
    text = between.join(blocks)

    pages = cut_markdown(text)

    assert "".join("".join(pages).split()) == "".join(text.split())
    for page in pages:
        assert page.strip()
        longest_row = max(len(line) if line.startswith("|") else 0 for line in page.split("\n"))
        assert len(page) <= PAGE_SIZE or longest_row >= 5_000


@pytest.mark.parametrize(
    ("before", "heading", "pages"),
    [(1_600, "# Next", 2), (1_600, "## Next", 2), (1_600, "### Next", 1), (1_400, "# Next", 1)],
)
def test_a_chapter_begins_a_page_when_the_one_before_is_full_enough(before: int, heading: str, pages: int) -> None:
    cut = cut_markdown(f"{'w' * before}\n\n{heading}\n\nwords")

    assert len(cut) == pages
    assert cut[-1].startswith(heading) is (pages == 2)


def test_what_looks_like_a_heading_in_code_begins_no_page() -> None:
    assert len(cut_markdown(f"{'w' * 1_600}\n\n```\n# code\n```\n")) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("w " * 1_000 + "\n\n" + "v " * 300, "### Heading\n\n" + "u " * 600),
        ("w " * 1_000, "| a | b |\n| --- | --- |" + "\n| one | two |" * 100),
        ("w " * 1_200, "v " * 1_200),
        ("w " * 1_000 + "\n" + "v " * 450, "u " * 300),
        (SENTENCE * 48, SENTENCE * 20),
        ("这是中文。" * 600, "这是中文。" * 40),
    ],
    ids=["heading", "table", "paragraph", "line", "sentence", "chinese"],
)
def test_a_page_that_is_full_ends_where_a_reader_would_cut(first: str, second: str) -> None:
    between = "" if "." in first or "。" in first else "\n" if second[0] == "u" else "\n\n"

    pages = cut_markdown(first + between + second)

    assert [page.strip() for page in pages] == [first.strip(), second.strip()]


def test_a_heading_stays_with_what_it_is_over() -> None:
    pages = cut_markdown("w " * 700 + "\n\n### Heading\n\n" + "v " * 1_400)

    assert [page.split()[0] for page in pages] == ["w", "###"]


SAMPLES = [
    ("cp1252 iso8859_15 mac_roman", "Die Größe der Straße ändert sich täglich."),
    ("cp1252 iso8859_15 cp850", "L'été dernier, j'ai été à la plage où il faisait très chaud."),
    ("cp1252", "It’s here – “really”"),
    ("cp1252", "El Niño"),
    ("cp1250 iso8859_2 cp852", "Zażółć gęślą jaźń"),
    ("cp1250 iso8859_2", "Příliš žluťoučký kůň úpěl ďábelské ódy."),
    ("cp1250 iso8859_2", "A magyar nyelv az uráli nyelvcsalád tagja, és több millióan beszélik."),
    ("cp1254 iso8859_9", "İstanbul'da yağmur yağıyor, şemsiyenizi alın."),
    ("cp1257", "Rīga ir Latvijas galvaspilsēta, kurā dzīvo daudz cilvēku."),
    ("cp1251 koi8_r cp866 iso8859_5 mac_cyrillic", "Настоящий договор вступает в силу с момента подписания."),
    ("cp1251 koi8_r cp866 iso8859_5", "Привет, мир"),
    ("cp1251 koi8_u", "Київ є столицею України, її найбільшим містом."),
    ("cp1253 iso8859_7", "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας."),
    ("cp1255 iso8859_8", "ירושלים היא בירת ישראל."),
    ("cp1256 iso8859_6", "اللغة العربية هي أكثر اللغات تحدثا."),
    ("cp1256", "زبان فارسي يکي از زبان‌هاي ايران است که گفته مي‌شود."),
    ("cp874", "ภาษาไทยเป็นภาษาราชการของประเทศไทย"),
    ("cp932 euc_jp iso2022_jp", "これは日本語の文章です。東京は日本の首都です。"),
    ("cp932 euc_jp", "請求書番号：12345 株式会社"),
    ("gb18030", "这是一个中文文档。北京是中国的首都。"),
    ("gb18030", "合同"),
    ("cp950", "這是一個中文文件。台北是台灣的首都。"),
    ("cp949 iso2022_kr", "서울은 대한민국의 수도이다. 이 문서는 한국어로 작성되었습니다."),
]
WIDE = "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be"


@pytest.mark.parametrize(("encodings", "text"), SAMPLES)
def test_a_short_text_in_any_encoding_is_read(encodings: str, text: str) -> None:
    for encoding in [*encodings.split(), *WIDE.split()]:
        assert read(f"{text}\r\n".encode(encoding), PLAIN_TEXT).pages == [f"{text}\n"], encoding


def test_letters_that_come_late_decide_too() -> None:
    text = "plain words only. " * 50_000 + "Здравствуйте, уважаемые коллеги."

    assert detect(text.encode("koi8_r")) == "koi8_r"


def test_utf8_that_is_damaged_in_a_place_stays_utf8() -> None:
    text = "Größe und Maß. " * 40

    assert decode(text.encode() + b"\xff end") == text + "\ufffd end"
    assert decode((text + "ü").encode()[:-1])[: len(text)] == text
    assert decode(text.encode() + b"\xff" * 8) == text + "\ufffd" * 8


@pytest.mark.parametrize(
    ("encoding", "declared", "text"),
    [
        ("cp1252", "iso-8859-1", "“Größe”"),
        ("gb18030", "gb2312", "镕"),
        ("cp932", "Shift_JIS", "①"),
        ("utf-8", "iso-8859-1", "Größe"),
        ("cp1252", "utf-8", "Größe"),
        ("utf-8", "utf-16", "plain"),
        ("utf-16", "utf-8", "Größe"),
        ("cp1251", "no such thing", "Привет, мир"),
        ("cp1251", "base64", "Привет, мир"),
    ],
)
def test_what_a_file_says_of_its_encoding_is_believed_if_it_can_be(
    encoding: str, declared: str, text: str
) -> None:
    assert decode(text.encode(encoding), declared) == text


def test_names_of_encodings_that_are_none_are_unknown() -> None:
    assert [known(name) for name in ("rot13", "", "x" * 99, "uft-8")] == [None] * 4


def test_text_of_scripts_without_spaces_is_cut_after_sentences() -> None:
    text = "これは日本語の文章です。東京は日本の首都です。" * 400

    pages = read(text.encode("cp932"), PLAIN_TEXT).pages

    assert "".join(pages) == text
    assert {page[-1] for page in pages} == {"。"}
    assert max(map(len, pages)) <= PAGE_SIZE


def test_text_from_right_to_left_keeps_its_order_and_marks() -> None:
    text = "\u200fمرحبا بالعالم (1) – قال: «نعم»؟\n\u202bשלום\u202c עולם"

    assert read(text.encode(), PLAIN_TEXT).pages == [text]


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        (b" \n\t\r\n", "no_text"),
        (bytes(range(256)) * 40, "not_text"),
        (b"\x00\x01\x02\x03" * 500, "not_text"),
        (b"text" * 300_000 + b"\0" * 9, "not_text"),
    ],
)
def test_what_is_no_text_says_so(contents: bytes, code: str) -> None:
    assert code_of(contents, PLAIN_TEXT) == code

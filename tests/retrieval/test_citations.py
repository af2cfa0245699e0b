"""Does the source say it? Spans are exact, whatever signs stand in the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.citations.claim_support import Claim, Evidence, overlap

PASSAGE = "Revenue rose to 4,210 million in 2023. The ﬁnance   team’s\nreport is public. “Costs” fell by 3%."


def quote(claim: str, passage: str = PASSAGE, title: str = "") -> str | None:
    span = Evidence(passage, title).support(Claim(claim))
    return None if span is None else passage[slice(*span)]


def found(quotation: str, passage: str = PASSAGE) -> str | None:
    span = Evidence(passage).find(quotation)
    return None if span is None else passage[slice(*span)]


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("Revenue rose to 4,210 million in 2023.", "Revenue rose to 4,210 million in 2023."),
        ("revenue ROSE to 4,210 million in 2023", "Revenue rose to 4,210 million in 2023."),
        ("Revenue was 4210 million", "Revenue rose to 4,210 million in 2023."),
        ("The finance team's report is public", "The ﬁnance   team’s\nreport is public."),
        ("Costs decreased 3 percent", "“Costs” fell by 3%."),
        ("Bananas are yellow", None),
        ("", None),
        ("the of and", None),
    ],
)
def test_the_sentence_that_supports_a_claim(claim: str, sentence: str | None) -> None:
    assert quote(claim) == sentence


@pytest.mark.parametrize(
    ("claim", "is_said"),
    [
        ("Revenue rose to 4,210 million", True),
        ("Revenue rose to 4.21 billion", True),
        ("Revenue rose to $4.2bn", True),
        ("Revenue rose to 4.210 Millionen", True),
        ("Revenue rose to 4,310 million", False),
        ("Revenue rose to 421 million", False),
        ("Revenue rose to 42 billion", False),
        ("Revenue rose to 5.2 billion", False),
        ("Revenue rose to 210 million", False),
        ("Revenue rose in 2022", False),
        ("Revenue rose to 4,210 million, 17 more than planned", False),
    ],
)
def test_every_number_of_a_claim_stands_in_what_is_quoted(claim: str, *, is_said: bool) -> None:
    assert quote(claim) == ("Revenue rose to 4,210 million in 2023." if is_said else None)


@pytest.mark.parametrize(
    ("claim", "is_said"),
    [
        ("Employees have twenty-eight days of holiday", True),
        ("Employees have 28 days of holiday", True),
        ("Employees have 29 days of holiday", False),
        ("Employees have thirty days of holiday", False),
        ("One says that employees have 28 days of holiday", True),
    ],
)
def test_a_number_may_be_spelt(claim: str, *, is_said: bool) -> None:
    assert (quote(claim, "Every employee has twenty-eight days of holiday.") is not None) == is_said


@pytest.mark.parametrize(
    ("claim", "passage", "is_said"),
    [
        ("The policy covers flood damage", "The policy does not cover flood damage.", False),
        ("The policy does not cover flood damage", "The policy covers flood damage.", False),
        ("The policy does not cover flood damage", "The policy does not cover flood damage of cellars.", True),
        ("The policy covers flood damage", "The policy covers flood damage, but not theft.", True),
        ("The policy covers flood damage", "Not only does the policy cover flood damage, it pays at once.", True),
        ("Sales fell by 5%", "Sales rose by 5%.", False),
        ("Sales rose by 5%", "Sales fell by 5%. Prices rose.", False),
        ("Sales grew 5%", "Sales increased by 5%.", True),
        ("There was no loss of data", "There was a loss of data.", False),
    ],
)
def test_the_opposite_supports_nothing(claim: str, passage: str, *, is_said: bool) -> None:
    assert (quote(claim, passage) is not None) == is_said


def test_a_number_of_another_thing_next_door_is_no_support() -> None:
    passage = "Revenue was 51 million. Costs were 33 million."
    assert quote("Revenue was 33 million", passage) is None
    assert quote("Revenue was 51 million and costs were 33 million", passage) == passage


def test_a_claim_may_join_neighbours() -> None:
    passage = "The ferry was sold in May. Its buyer is the city of Trondheim. Nobody was hurt."
    assert quote("In May the ferry was sold to the city of Trondheim", passage) == passage[:62]


TABLE = "Years ended December 31, 2023 2022\nSales of pumps $ 1,204 $ 998\nSales of services 610 544"
BARRED = "| Port | Ships | Crew |\n| --- | --- | --- |\n| Bergen | 42 | 17 |\n| Narvik | 38 | 12 |"


@pytest.mark.parametrize(
    ("claim", "passage", "stretch"),
    [
        ("In 2023 sales of pumps were $1,204", TABLE, TABLE.rpartition("\n")[0]),
        ("In 2022 sales of services were 544", TABLE, TABLE),
        ("In 2021 sales of services were 544", TABLE, None),
        ("Sales of services were 545", TABLE, None),
        ("Narvik has 38 ships", BARRED, BARRED),
        ("Narvik has 42 ships", BARRED, None),
    ],
)
def test_a_row_of_a_table_comes_with_its_head(claim: str, passage: str, stretch: str | None) -> None:
    assert quote(claim, passage) == stretch


def test_figures_are_in_what_the_table_says() -> None:
    table = "(in millions) 2023 2022\nNet sales 5,213 4,998"
    assert quote("Net sales were $5.2 billion in 2023", table) == table
    assert quote("Net sales were $5.3 billion in 2023", table) is None
    assert quote("Net sales were $5.2 million in 2023", table) is None


def test_the_title_says_whose_and_when_but_supports_nothing_alone() -> None:
    title = "ACME_2023Q2_10Q.pdf"
    assert quote("Acme had 310 stores in 2023", "We had 310 stores.", title) == "We had 310 stores."
    assert quote("Acme had 310 stores in 2021", "We had 310 stores.", title) is None
    assert quote("Acme 2023", "We had 310 stores.", title) is None


def test_the_year_of_the_title_does_not_replace_the_one_that_stands_there() -> None:
    title, source = "report-2001.pdf", "Maintenance of the pump was put off to 2021."
    assert quote("Maintenance of the pump was put off to 2021", source, title) == source
    assert quote("Maintenance of the pump was put off to 2001", source, title) is None
    assert quote("In 2001 maintenance of the pump was put off to 2021", source, title) == source


@pytest.mark.parametrize(
    ("quotation", "passage", "stretch"),
    [
        ("the  finance team's report", PASSAGE, "The ﬁnance   team’s\nreport"),
        ('"costs" FELL by 3%', PASSAGE, "“Costs” fell by 3%."),
        ("rose to 4", PASSAGE, None),
        ("rose to 4,210 mill", PASSAGE, None),
        ("210 million in 2023", PASSAGE, None),
        ("revenue rose … in 2023", PASSAGE, "Revenue rose to 4,210 million in 2023."),
        ("rose to [about] 4,210 million", PASSAGE, "rose to 4,210 million"),
        ("in 2023 ... revenue rose", PASSAGE, None),
        ("the manage\u00adment decided", "The man-\nagement decided.", "The man-\nagement decided."),
        ("a long-term plan", "It is a long-\nterm plan for all", "a long-\nterm plan"),
        ("naïve café", "A nai\u0308ve CAFE\u0301 opened.", "nai\u0308ve CAFE\u0301"),
        ("hidden words", "The hid\u200bden\U000e0041 wo\u00adrds.", "hid\u200bden\U000e0041 wo\u00adrds."),
        ("payroll office", "The pаyrоll office.", "pаyrоll office."),
        ("2019-2020", "From 2019–2020 on", "2019–2020"),
        ("１２３ apples", "123 apples", "123 apples"),
        ("增长百分之十", "公司收入增长百分\n之十。", "增长百分\n之十"),
        ("الإيرادات", "بلغت الإِيرادات مليونا", "الإِيرادات"),
        ("", PASSAGE, None),
        ("…", PASSAGE, None),
    ],
)
def test_a_quotation_is_found_whatever_its_signs_and_only_whole(
    quotation: str, passage: str, stretch: str | None
) -> None:
    assert found(quotation, passage) == stretch


COMPANY = "公司成立于1990年。2023年公司收入增长10%。总部在上海。"
INCOME = "بلغت إيرادات الشركة ٤٢١٠ مليون في العام."


@pytest.mark.parametrize(
    ("claim", "passage", "sentence"),
    [
        ("2023年公司收入增长了10%", COMPANY, "2023年公司收入增长10%。"),
        ("2023年公司收入增长了12%", COMPANY, None),
        ("بلغت إيرادات الشركة 4210 مليون", INCOME, INCOME),
    ],
)
def test_writing_without_spaces_and_other_digits(claim: str, passage: str, sentence: str | None) -> None:
    assert quote(claim, passage) == sentence


@given(before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_whole_sentence_is_found_exactly_wherever_it_stands(before: str, after: str) -> None:
    sentence = "Every seventh lighthouse keeper plays chess"
    passage = f"{before} {sentence}. {after}"
    assert found(sentence, passage) == f"{sentence}."


@given(claim=st.text(max_size=60), passage=st.text(max_size=120))
def test_whatever_comes_a_span_lies_in_the_passage(claim: str, passage: str) -> None:
    for span in (Evidence(passage).support(Claim(claim)), Evidence(passage).find(claim)):
        assert span is None or 0 <= span[0] < span[1] <= len(passage)


def test_numbers_weigh_more_than_words_and_small_words_nothing() -> None:
    question = Claim("revenue in 2023")
    assert overlap(question, Claim("In 2023 it was")) == 2.0
    assert overlap(question, Claim("Revenues are up")) == 1.0
    assert overlap(question, Claim("it was in the")) == 0.0

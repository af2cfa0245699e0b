"""From an upload over HTTP, through a real worker, to pages, passages and images."""

import httpx
import pytest

from tests.factories import HANDBOOK_PAGES, handbook, ready
from tests.people import Person
from tests.processes import LiveServer, Running

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pdf_of_several_pages_becomes_ready_with_exact_places(alice: Person, worker: Running) -> None:
    document = ready(alice)
    assert document["pages"] == 3

"""The documents page: adding, watching, repairing and removing files (behaviours 5 and 40)."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.conftest import OpenPortal
from tests.browser.line import LOST, Line
from tests.browser.portal import Portal
from tests.documents.pdfs import text_pdf
from tests.factories import LONG_TEXT, handbook
from tests.people import Person

HANDBOOK: Any = {"name": "handbook.pdf", "mimeType": "application/pdf", "buffer": handbook()}
BROKEN: Any = {
    "name": "broken.pdf",
    "mimeType": "application/pdf",
    "buffer": b"%PDF-1.7\nnothing of a PDF follows",
}
# Files dropped on the page, as the system's file manager would do it.
_DROP = """(files) => {
    const dataTransfer = new DataTransfer();
    for (const [name, text] of Object.entries(files)) dataTransfer.items.add(new File([text], name));
    const send = (name) => document.body.dispatchEvent(
        new DragEvent(name, {dataTransfer, bubbles: true, cancelable: true}));
    send("dragenter");
    window.overlayShown = document.querySelector("[data-drop-overlay]").checkVisibility();
    send("dragover");
    send("drop");
}"""


def chosen(portal: Portal) -> Locator:
    """The field that files are chosen with."""
    return portal.page.get_by_label("choose files")


def text_file(name: str, content: bytes) -> Any:
    return {"name": name, "mimeType": "text/plain", "buffer": content}


def state(row: Locator) -> Locator:
    return row.locator(".state")


async def test_05_a_chosen_file_is_uploaded_and_followed_until_it_is_ready(
    open_portal: OpenPortal, founder: Person
) -> None:
    portal = await open_portal(founder)
    await portal.open("documents/")
    await expect(portal.page.get_by_text("No documents here yet.")).to_be_visible()
    pages = [[f"Page {number} speaks of subject {number}, and of little else."] * 30 for number in range(40)]
    file: Any = {"name": "long.pdf", "mimeType": "application/pdf", "buffer": text_pdf(pages)}
    await portal.record(portal.page.get_by_role("list", name="Documents"))
    await chosen(portal).set_input_files(file)
    row = portal.document("long.pdf")
    await expect(row.get_by_role("progressbar")).to_be_visible()
    await expect(state(row)).to_have_text("Ready")
    await expect(row.get_by_role("progressbar")).to_be_hidden()
    await expect(row).to_contain_text("40 pages")
    told = "\n".join(await portal.recorded())
    order = [told.index(stage) for stage in ("Queued", "Reading the text", "Indexing", "Ready")]
    assert order == sorted(order)

    await row.get_by_role("link", name="long.pdf").click()
    await portal.page.get_by_role("link", name="Read").click()
    await expect(portal.page.get_by_text("Page 1 of 40")).to_be_visible()


async def test_05_files_may_be_dropped_anywhere(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder)
    await portal.open("documents/")
    await portal.page.evaluate(
        _DROP, {"notes.txt": "The ferry leaves at eight.", "more.md": "# Ferries\n\nThey swim."}
    )
    assert await portal.page.evaluate("() => window.overlayShown")
    for name in ("notes.txt", "more.md"):
        await expect(state(portal.document(name))).to_have_text("Ready")


async def test_05_files_dropped_on_a_chat_can_be_asked_at_once(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder)
    await portal.open()
    await portal.page.evaluate(_DROP, {"notes.txt": "The ferry to the island leaves at eight in the morning."})
    await expect(state(portal.document("notes.txt"))).to_have_text("Ready")
    await portal.ask("When does the ferry to the island leave?")
    await portal.answered()
    await expect(portal.answer_text).to_contain_text("leaves at eight in the morning")


async def test_05_the_wrong_type_and_size_are_refused_before_anything_is_sent(
    open_portal: OpenPortal, founder: Person, tmp_path: Path
) -> None:
    portal = await open_portal(founder)
    await portal.open("documents/")
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "empty.txt").touch()
    for name, reason in (
        ("huge.txt", "Larger than 50 MB"),
        ("picture.png", "This kind of file cannot be read yet. Accepted: .csv, .doc, "),
        ("empty.txt", "The file is empty"),
    ):
        await chosen(portal).set_input_files(tmp_path / name)
        await expect(portal.document(name)).to_contain_text(reason)
        await portal.document(name).get_by_role("button", name="Cancel the upload").click()
        await expect(portal.document(name)).to_have_count(0)
    assert portal.witness.posts_to("/documents/upload/") == 0


async def test_05_an_upload_on_its_way_can_be_cancelled(
    open_portal: OpenPortal, founder: Person, line: Line, tmp_path: Path
) -> None:
    portal = await open_portal(founder, at=line.url)
    portal.witness.expect(*LOST)
    await portal.open("documents/")
    line.hold_up()
    # More than all buffers on the way hold, so that it cannot have arrived whole when it is cancelled.
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(40 * 1024 * 1024)
    await chosen(portal).set_input_files(large)
    row = portal.document("large.txt")
    await expect(state(row)).to_contain_text("Uploading")
    await row.get_by_role("button", name="Cancel the upload").click()
    await expect(row).to_have_count(0)
    line.release()
    await portal.page.reload()
    await expect(portal.page.get_by_text("No documents here yet.")).to_be_visible()


async def test_05_the_same_file_twice_is_said_to_be_there_already(
    open_portal: OpenPortal, archivist: Person
) -> None:
    portal = await open_portal(archivist)
    await portal.open("documents/")
    await expect(portal.document("handbook.pdf")).to_have_count(1)
    await chosen(portal).set_input_files(HANDBOOK)
    again = portal.document("handbook.pdf").first
    await expect(state(again)).to_have_text("Here already")
    await expect(again).to_contain_text("nothing was added")
    await again.get_by_role("link", name="handbook.pdf").click()
    await expect(portal.page.get_by_role("link", name="Read")).to_be_visible()


async def test_40_a_broken_file_says_why_and_can_be_tried_again_and_deleted(
    open_portal: OpenPortal, founder: Person
) -> None:
    portal = await open_portal(founder)
    await portal.open("documents/")
    await chosen(portal).set_input_files(BROKEN)
    row = portal.document("broken.pdf")
    await expect(state(row)).to_have_text("Failed")
    reason = row.locator(".document-error")
    await expect(reason).to_contain_text("PDF")
    await portal.page.reload()
    await expect(state(row)).to_have_text("Failed")
    await expect(reason).to_contain_text("PDF")

    await portal.record(state(row))
    await row.get_by_role("button", name="Try again").click()
    assert "Queued" in await portal.recorded_until("Failed")
    await expect(reason).to_contain_text("PDF")

    await row.get_by_role("button", name="Delete").click()
    dialog = portal.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Delete “broken.pdf”?")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(row).to_have_count(1)
    await row.get_by_role("button", name="Delete").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(row).to_have_count(0)
    await portal.page.reload()
    await expect(portal.page.get_by_text("No documents here yet.")).to_be_visible()


async def test_40_another_page_that_lists_a_document_follows_its_progress(
    open_portal: OpenPortal, founder: Person
) -> None:
    portal = await open_portal(founder)
    await portal.open("documents/")
    await chosen(portal).set_input_files(BROKEN)
    await expect(state(portal.document("broken.pdf"))).to_have_text("Failed")
    second = Portal(await portal.page.context.new_page(), portal.url, portal.witness)
    await second.open("documents/")
    row = second.document("broken.pdf")
    await expect(state(row)).to_have_text("Failed")
    await second.record(state(row))
    await portal.document("broken.pdf").get_by_role("button", name="Try again").click()
    await second.recorded_until("Failed")
    await expect(row.locator(".document-error")).to_contain_text("PDF")
    await expect(state(portal.document("broken.pdf"))).to_have_text("Failed")


async def test_40_a_collection_is_made_and_shown_alone(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist)
    await portal.open("documents/")
    await portal.page.get_by_role("button", name="New collection").click()
    await portal.page.get_by_role("textbox", name="New collection").fill("Timetables")
    await portal.page.get_by_role("button", name="Create").click()
    await portal.page.locator("#upload-collection").select_option("Timetables")
    notes: Any = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"The ferry leaves at eight."}
    await chosen(portal).set_input_files(notes)
    await expect(state(portal.document("notes.txt"))).to_have_text("Ready")
    await portal.page.get_by_role("link", name="Timetables 1").click()
    await expect(portal.document("handbook.pdf")).to_have_count(0)
    await expect(portal.document("notes.txt")).to_be_visible()
    await portal.page.get_by_role("link", name="All 2").click()
    await expect(portal.document("handbook.pdf")).to_be_visible()


async def test_40_who_may_only_ask_sees_the_documents_and_changes_nothing(
    open_portal: OpenPortal, viewer: Person
) -> None:
    portal = await open_portal(viewer)
    await portal.open("documents/")
    await expect(portal.document("handbook.pdf")).to_be_visible()
    await expect(chosen(portal)).to_have_count(0)
    await expect(portal.page.get_by_role("button", name="Delete")).to_have_count(0)
    await expect(portal.page.get_by_role("button", name="New collection")).to_have_count(0)


async def test_40_processing_is_stopped_and_the_document_keeps_its_place(
    open_portal: OpenPortal, founder: Person
) -> None:
    portal = await open_portal(founder)
    await portal.open("documents/")
    await chosen(portal).set_input_files(text_file("first.txt", LONG_TEXT))
    await chosen(portal).set_input_files(text_file("second.txt", b"The ferry leaves at eight."))
    rows = portal.page.get_by_role("list", name="Documents").get_by_role("listitem")
    row = portal.document("first.txt")
    await expect(row).to_contain_text(re.compile(r"about \d+ (s|min) left"))
    await row.get_by_role("button", name="Stop processing").click()
    await expect(state(row)).to_have_text("Cancelled")
    await expect(row.get_by_role("progressbar")).to_be_hidden()
    await expect(rows.nth(1)).to_contain_text("first.txt")
    await row.get_by_role("button", name="Try again").click()
    await expect(row.get_by_role("button", name="Stop processing")).to_be_visible()
    await row.get_by_role("link", name="first.txt").click()
    here = portal.page.get_by_role("region", name="State")
    await expect(here.get_by_role("progressbar")).to_be_visible()
    await here.get_by_role("button", name="Stop processing").click()
    await expect(here).to_contain_text("Cancelled")
    await expect(here.get_by_role("button", name="Try again")).to_be_visible()


async def test_40_the_page_of_a_document_follows_a_new_file(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist)
    await portal.open("documents/")
    await portal.document("handbook.pdf").get_by_role("link", name="handbook.pdf").click()
    page = portal.page
    versions = page.get_by_role("region", name="Versions").get_by_role("listitem")
    await expect(versions).to_have_count(1)
    pages = [[f"Page {number} speaks of subject {number}."] * 20 for number in range(1, 31)]
    new: Any = {"name": "handbook-2.pdf", "mimeType": "application/pdf", "buffer": text_pdf(pages)}
    await page.get_by_label("Replace the file").set_input_files(new)
    await page.get_by_role("button", name="Upload").click()
    # By itself: nobody loads the page again.
    await expect(versions).to_have_count(2)
    await expect(versions.first).to_contain_text("Current")
    await expect(page.get_by_role("link", name="Page 30", exact=True)).to_be_visible()
    await expect(page.get_by_role("region", name="State")).to_contain_text("30 pages")

    await versions.last.get_by_role("link", name="handbook.pdf").click()
    await expect(page.get_by_text("This is an earlier version")).to_be_visible()
    await page.get_by_role("link", name="Go to version 2, the current one").click()
    await expect(page.get_by_text("Page 1 of 30")).to_be_visible()
    await page.get_by_role("link", name="About this document").click()
    await page.get_by_role("button", name="Use version 1 again").click()
    await expect(page.get_by_role("region", name="State")).to_contain_text("3 pages")

    await page.get_by_text("Change title, tags or collection").click()
    await page.get_by_label("Title", exact=True).fill("Handbook for staff")
    await page.get_by_label("Tags").fill("staff, rules")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Handbook for staff")
    await page.get_by_role("link", name="rules").click()
    await expect(portal.document("Handbook for staff")).to_be_visible()
    await expect(page.get_by_label("Tag", exact=True)).to_have_value("rules")


async def test_40_several_documents_are_moved_back_and_deleted(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist)
    page = portal.page
    await portal.open("documents/")
    await page.get_by_role("button", name="New collection").click()
    await page.get_by_role("textbox", name="New collection").fill("Timetables")
    await page.get_by_role("button", name="Create").click()
    files = [text_file(name, f"Of {name}.".encode()) for name in ("a.txt", "b.txt")]
    await chosen(portal).set_input_files(files)
    for name in ("a.txt", "b.txt"):
        await expect(state(portal.document(name))).to_have_text("Ready")
        await page.get_by_label(f"Choose {name}").check()
    bar = page.get_by_role("form", name="Chosen documents")
    await expect(bar).to_contain_text("2 chosen")
    await bar.get_by_label("Move to").select_option("Timetables")
    await bar.get_by_role("button", name="Move").click()
    await expect(portal.document("a.txt")).to_contain_text("Timetables")
    await expect(page.get_by_role("link", name="Timetables 2")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".notice")).to_have_text("2 documents are back.")
    await expect(portal.document("a.txt")).not_to_contain_text("Timetables")

    await page.get_by_label("Choose all on this page").check()
    await expect(bar).to_contain_text("3 chosen")
    await page.get_by_label("Choose handbook.pdf").uncheck()
    await bar.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Delete 2 documents?")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(bar).to_contain_text("2 chosen")
    await bar.get_by_role("button", name="Delete").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.locator(".notice")).to_have_text("2 documents deleted.")
    await expect(portal.document("a.txt")).to_have_count(0)
    await expect(portal.document("handbook.pdf")).to_be_visible()
    await expect(bar).to_be_hidden()


async def test_05_each_file_of_an_archive_has_a_row(open_portal: OpenPortal, founder: Person) -> None:
    portal = await open_portal(founder)
    await portal.open("documents/")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("ferries/notes.txt", "The ferry leaves at eight.")
        archive.writestr("ferries/program.exe", b"MZ\x90\x00\x03")
        archive.writestr("more.md", "# Ferries\n\nThey swim.")
    file: Any = {"name": "all.zip", "mimeType": "application/zip", "buffer": content.getvalue()}
    await chosen(portal).set_input_files(file)
    for name in ("notes.txt", "more.md"):
        await expect(state(portal.document(name))).to_have_text("Ready")
    refused = portal.page.get_by_role("listitem").filter(has_text="program.exe")
    await expect(state(refused)).to_have_text("Not accepted")
    await expect(refused.locator(".document-error")).not_to_be_empty()
    await expect(portal.document("all.zip")).to_have_count(0)


async def test_40_everything_works_without_scripts(open_portal: OpenPortal, archivist: Person) -> None:
    portal = await open_portal(archivist, java_script_enabled=False)
    page = portal.page
    await portal.open("documents/")
    await chosen(portal).set_input_files([text_file("notes.txt", b"The ferry leaves at eight."), HANDBOOK])
    await page.get_by_role("button", name="Upload", exact=True).click()
    await expect(page.get_by_text("“handbook.pdf” is here already: nothing was added.")).to_be_visible()
    await expect(portal.document("notes.txt")).to_be_visible()
    await page.get_by_label("Find by name").fill("notes")
    await page.get_by_role("button", name="Find").click()
    await expect(portal.document("handbook.pdf")).to_have_count(0)
    await page.get_by_label("Choose notes.txt").check()
    bar = page.get_by_role("form", name="Chosen documents")
    await bar.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Delete 1 document?")
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("1 document deleted.")).to_be_visible()
    await expect(portal.document("notes.txt")).to_have_count(0)

"""Files in the chat belong to the conversation: dropped, pasted or chosen, followed, and taken away again."""

from __future__ import annotations

import asyncio

from playwright.async_api import Locator, Route, expect

from tests.browser.portal import Portal
from tests.browser.test_accessibility import violations
from tests.standins.ollama import OllamaStandIn, Reply

NOTE = b"The bicycles of the mill are kept in the yard behind the old weir."
QUESTION = "Where are the bicycles of the mill kept?"
# As a browser gives what was dropped or pasted.
_GIVE = """([event, name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name, {type: "text/plain"}));
    const init = event === "paste" ? {clipboardData: data} : {dataTransfer: data};
    const made = event === "paste" ? new ClipboardEvent(event, {...init, bubbles: true, cancelable: true})
                                   : new DragEvent(event, {...init, bubbles: true, cancelable: true});
    document.body.dispatchEvent(made);
}"""


def tray(portal: Portal) -> Locator:
    return portal.page.get_by_role("region", name="Files of this conversation")


async def attached(portal: Portal, name: str = "note.txt", content: bytes = NOTE) -> None:
    field = portal.page.get_by_label("Attach files to this conversation")
    await field.set_input_files({"name": name, "mimeType": "text/plain", "buffer": content})


async def test_05_a_file_chosen_in_a_new_chat_begins_it_and_is_asked_there_alone(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="They are kept in the yard behind the old weir [1]."))
    await attached(portal)
    await expect(portal.document("note.txt")).to_contain_text("Ready")
    assert "/c/" in portal.page.url
    await portal.ask(QUESTION)
    await portal.answered()
    await expect(portal.answer.locator(".sources")).to_contain_text("note.txt")
    assert await violations(portal.page) == []
    await portal.page.reload()
    await expect(tray(portal).get_by_role("listitem")).to_have_count(1)
    await portal.open("documents/")
    await expect(portal.page.get_by_role("heading", name="Documents", exact=True)).to_be_visible()
    await expect(portal.page.get_by_text("note.txt")).to_have_count(0)


async def test_05_a_file_begins_the_chat_with_the_assistant_and_is_there_before_the_question(
    portal: Portal, ollama: OllamaStandIn
) -> None:
    page, may_arrive = portal.page, asyncio.Event()

    async def hold(route: Route) -> None:
        await may_arrive.wait()
        await route.continue_()

    await page.route("**/attachments/", hold)
    ollama.script(Reply(text="They are kept in the yard behind the old weir [1]."))
    await page.get_by_role("combobox", name="Assistant").select_option("Precise quoter")
    async with page.expect_websocket(lambda socket: "/ws/conversations/" in socket.url):
        await attached(portal)
    await portal.ask(QUESTION)
    # By now the socket is open, and would take the question.
    await page.evaluate("() => fetch(location.href).then((answer) => answer.text())")
    may_arrive.set()
    await portal.answered()
    await expect(portal.answer.locator(".sources")).to_contain_text("note.txt")
    await page.reload()
    await expect(page.get_by_role("banner").get_by_text("Precise quoter")).to_be_visible()


async def test_05_dropped_and_pasted_files_are_attached_and_removed(portal: Portal) -> None:
    await portal.page.evaluate(_GIVE, ["drop", "dropped.txt", "One thing."])
    await portal.page.evaluate(_GIVE, ["paste", "pasted.txt", "Another thing."])
    for name in ("dropped.txt", "pasted.txt"):
        await expect(portal.document(name)).to_contain_text("Ready")
    await portal.document("dropped.txt").get_by_role("button", name="Delete").click()
    await portal.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(tray(portal).get_by_role("listitem")).to_have_count(1)
    await portal.page.reload()
    await expect(portal.document("pasted.txt")).to_be_visible()
    await expect(portal.document("dropped.txt")).to_have_count(0)


async def test_05_what_cannot_be_read_is_refused_before_it_is_sent(portal: Portal) -> None:
    await attached(portal, "tool.exe", b"MZ")
    await expect(portal.document("tool.exe")).to_contain_text("This kind of file cannot be read yet.")
    assert portal.witness.posts_to("/attachments/") == 0
    assert portal.witness.posts_to("/c/") == 0

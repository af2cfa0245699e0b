from __future__ import annotations

from playwright.async_api import expect

from bench.pages.watching import WATCH, painted, streaming, now
from tests.browser.conftest import OpenPortal
from tests.people import Person
import pytest, asyncio, time
from tests.browser.long_talks import brought

@pytest.fixture
def long_talk(reader, worker, extractive_server, django_db_blocker):
    with django_db_blocker.unblock():
        return brought(reader, 500)

async def test_x(open_portal: OpenPortal, reader: Person, long_talk: str) -> None:
    portal = await open_portal(reader)
    await portal.page.add_init_script(WATCH)
    for _ in range(4):
        await portal.open(long_talk)
        print(await painted(portal.page))
    await portal.page.screenshot(path="/tmp/shots/speed/long.png")
    cdp = await portal.page.context.new_cdp_session(portal.page)
    await cdp.send("Profiler.enable"); await cdp.send("Profiler.start")
    t = time.time()
    await expect(portal.page.get_by_role("article", name="You asked")).to_have_count(250, timeout=60000)
    print("filled in", time.time() - t)
    prof = (await cdp.send("Profiler.stop"))["profile"]
    import json, collections
    names = {n["id"]: n["callFrame"]["functionName"]+" "+n["callFrame"]["url"].rpartition("/")[2]+":"+str(n["callFrame"]["lineNumber"]) for n in prof["nodes"]}
    c = collections.Counter()
    for i, d in zip(prof["samples"], prof["timeDeltas"]): c[names[i]] += d/1000
    for n, v in c.most_common(25): print(round(v), n)
    seen = await streaming(portal.page, 0)
    print(sorted(seen.long_tasks), seen.shift)
    s = await now(portal.page)
    await portal.ask("How many days of paid holiday do employees have?")
    await portal.answered()
    print(await streaming(portal.page, s), await portal.is_following())

"""What a browser itself measures while it shows a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, Response

# From the first byte on; `buffered` brings what was before.
WATCH = """
window.watched = {tasks: [], shifts: [], paints: {}, frames: new Set(), largest: 0};
const watch = (type, note) =>
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({type, buffered: true});
watch("longtask", ({startTime, duration}) => watched.tasks.push([startTime, duration]));
watch("layout-shift", ({startTime, value}) => watched.shifts.push([startTime, value]));
watch("paint", ({name, startTime}) => { watched.paints[name] = startTime; });
watch("largest-contentful-paint", ({startTime}) => { watched.largest = startTime; });
// In which frames the words of an answer grew.
new MutationObserver((changes) => {
  const grew = changes.some(({target}) => target.nodeType === 1 && target.closest?.(".answer-body"));
  if (grew) watched.frames.add(document.timeline.currentTime);
}).observe(document, {subtree: true, childList: true, characterData: true});
"""
_SINCE = """(since) => ({
    tasks: watched.tasks.filter(([at]) => at >= since).map(([, duration]) => duration),
    shift: watched.shifts.filter(([at]) => at >= since).reduce((sum, [, value]) => sum + value, 0),
    frames: [...watched.frames].filter((at) => at >= since),
})"""


@dataclass(frozen=True, slots=True)
class Streaming:
    """While an answer came: long tasks in milliseconds, how far things moved by themselves, frames with words."""

    long_tasks: list[float]
    shift: float
    frames: list[float]

    @property
    def frames_per_second(self) -> float:
        if len(self.frames) < 2:
            return 0.0
        return (len(self.frames) - 1) * 1000 / (self.frames[-1] - self.frames[0])


@dataclass(frozen=True, slots=True)
class Painted:
    """Milliseconds from the click on: the first byte, the first and the largest thing painted, scripts at work."""

    first_byte: float
    first: float
    largest: float
    complete: float
    long_tasks: list[float]


async def painted(page: Page) -> Painted:
    """How the page that was just opened came about. Its scripts ran `WATCH` first."""
    # A page may be loaded before it is painted.
    await page.wait_for_function("() => watched.paints['first-contentful-paint'] && watched.largest")
    found: Any = await page.evaluate(
        """() => new Promise((tell) => requestIdleCallback(() => {
            const [navigation] = performance.getEntriesByType("navigation");
            tell({first_byte: navigation.responseStart, complete: navigation.loadEventEnd, ...watched,
                frames: 0, first: watched.paints["first-contentful-paint"]});
        }))"""
    )
    tasks = [duration for _, duration in found["tasks"]]
    return Painted(found["first_byte"], found["first"], found["largest"], found["complete"], tasks)


async def now(page: Page) -> float:
    """The page's own clock, to ask afterwards what happened since."""
    moment: float = await page.evaluate("() => performance.now()")
    return moment


async def streaming(page: Page, since: float) -> Streaming:
    """What happened on the page since that moment of its clock."""
    found: Any = await page.evaluate(_SINCE, since)
    return Streaming(found["tasks"], found["shift"], found["frames"])


class Wire:
    """Counts what comes over the wire: compressed bodies and their headers, by address without its query."""

    def __init__(self, page: Page) -> None:
        self.responses: list[Response] = []
        page.on("response", self._note)

    def _note(self, response: Response) -> None:
        self.responses.append(response)

    async def sizes(self) -> dict[str, int]:
        """Bytes by address; what the browser had kept is not asked for again."""
        found: dict[str, int] = {}
        for response in self.responses:
            await response.finished()
            if response.from_service_worker or response.url.startswith(("data:", "blob:")):
                continue
            sizes = await response.request.sizes()
            place = response.url.partition("?")[0]
            found[place] = found.get(place, 0) + sizes["responseBodySize"] + sizes["responseHeadersSize"]
        return found

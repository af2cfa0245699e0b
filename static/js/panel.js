/**
 * The source panel: the cited page with the passage highlighted. One `<dialog>`: a column beside the answer on wide
 * screens (not modal: the answer stays in use), a sheet over it on narrow ones (modal).
 *
 * @typedef {object} Passage as the passage-data view answers
 * @property {string} title
 * @property {string} name
 * @property {number} version
 * @property {number} page
 * @property {number} pages
 * @property {string} label what the page is, where that is more than its number
 * @property {string} text of the page
 * @property {string | null} html the page of a format whose text has a shape, the passage marked
 * @property {number | null} start of the passage in text, in code points
 * @property {number | null} end
 * @property {{x0: number, y0: number, x1: number, y1: number}[]} rects fractions of the page
 * @property {string | null} image
 * @property {string | null} original_url
 * @property {Place | null} before where the passage before it stands
 * @property {Place | null} after
 *
 * @typedef {{page: number, start: number, end: number}} Place in the version's text
 */

import { announce } from "./announcer.js";
import { setServerHTML } from "./html.js";
import { passageLinks } from "./passages.js";
import { getJSON, RequestRefused } from "./requests.js";
import { sentence } from "./strings.js";

const WIDE = matchMedia("(width >= 68.75rem)");
/** How much of the page stays visible above the highlight, in pixels. */
const HEADROOM = 90;

const panel = /** @type {HTMLDialogElement} */ (document.getElementById("source-panel"));
const part = (/** @type {string} */ name) => /** @type {any} */ (panel.querySelector(`[data-${name}]`));

/** @type {import("./passages.js").Source[]} */
let among = [];
let position = 0;
/** What is shown: a source, or a passage beside it. @type {import("./passages.js").Source | null} */
let shown = null;
/** @type {Passage | null} */
let passage = null;
/** Until what was asked for last is there: a step begins at what is shown then. */
let opened = Promise.resolve();
/** Whether a page is read as text that could be seen as a picture; kept from source to source. */
let isText = false;
/** @type {Element | null} */
let opener = null;

part("close").addEventListener("click", () => close());
part("previous").addEventListener("click", () => turn(position - 1));
part("next").addEventListener("click", () => turn(position + 1));
part("before").addEventListener("click", () => step("before"));
part("after").addEventListener("click", () => step("after"));
part("back").addEventListener("click", () => {
  turn(position);
  part("title").focus();
});
part("as-text").addEventListener("click", () => {
  isText = !isText;
  if (passage) drawPage(passage);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || !panel.open) return;
  event.preventDefault();
  close();
});
panel.addEventListener("click", (event) => event.target === panel && !WIDE.matches && close());
WIDE.addEventListener("change", () => {
  if (!panel.open) return;
  panel.close();
  show();
});

/**
 * @param {import("./passages.js").Source[]} sources what previous and next walk through
 * @param {import("./passages.js").Source} source the one to open
 */
export function openSource(sources, source) {
  among = sources;
  opener = document.activeElement;
  if (!panel.open) inPlace(opener, show);
  turn(sources.indexOf(source));
  part("title").focus();
}

function show() {
  if (WIDE.matches) panel.show();
  else panel.showModal();
}

function close() {
  inPlace(opener, () => panel.close());
  /** @type {HTMLElement | null} */ (opener)?.focus({ preventScroll: true });
}

/**
 * Beside the panel the answer is set in narrower lines: the words that the person was reading stay where they are.
 *
 * @param {Element} element
 * @param {() => void} change
 */
function inPlace(element, change) {
  const { top } = element.getBoundingClientRect();
  change();
  scrollBy({ top: element.getBoundingClientRect().top - top, behavior: "instant" });
}

/** @param {number} to index of the source to show */
function turn(to) {
  const source = among[to];
  if (!source) return;
  position = to;
  part("position").textContent = sentence("source_of", { position: to + 1, count: among.length });
  // Not `disabled`: a button that is takes the focus down with it.
  part("previous").setAttribute("aria-disabled", String(to === 0));
  part("next").setAttribute("aria-disabled", String(to === among.length - 1));
  part("back").hidden = true;
  opened = open(source);
}

/** @param {"before" | "after"} side of the passage that is shown */
function step(side) {
  opened = opened.then(async () => {
    const place = passage?.[side];
    if (!shown || !place) return;
    part("back").hidden = false;
    await open({ ...shown, ...place, quote: undefined });
    announce(part("place").textContent);
  });
}

/** @param {import("./passages.js").Source} source */
async function open(source) {
  shown = source;
  passage = null;
  part("title").textContent = source.title;
  part("place").textContent = sentence("page", { pages: source.page });
  part("quote").textContent = source.quote ?? "";
  part("quote").hidden = !source.quote;
  part("open-page").href = passageLinks(source).page;
  part("original").hidden = true;
  part("as-text").hidden = true;
  hidePage();
  part("scroll").setAttribute("aria-busy", "true");
  try {
    const found = await getJSON(passageLinks(source).data);
    if (shown === source) draw(found);
  } catch (error) {
    if (shown !== source) return;
    offerNeighbours();
    explain(error);
  } finally {
    if (shown === source) part("scroll").removeAttribute("aria-busy");
  }
}

function hidePage() {
  for (const name of ["figure", "page-text", "page-markup", "message"]) part(name).hidden = true;
}

function offerNeighbours() {
  part("before").setAttribute("aria-disabled", String(!passage?.before));
  part("after").setAttribute("aria-disabled", String(!passage?.after));
}

/** @param {Passage} found */
function draw(found) {
  passage = found;
  offerNeighbours();
  part("title").textContent = passage.title;
  part("place").textContent = [
    passage.label,
    sentence("page_of", { page: passage.page, pages: passage.pages }),
    sentence("version", { version: passage.version }),
  ]
    .filter(Boolean)
    .join(" · ");
  part("original").href = passage.original_url ?? "";
  part("original").hidden = !passage.original_url;
  part("as-text").hidden = !passage.image;
  drawPage(passage);
}

/** @param {Passage} passage */
function drawPage(passage) {
  hidePage();
  part("as-text").setAttribute("aria-pressed", String(isText));
  if (passage.image && !isText) drawImage(passage);
  else if (passage.html === null) drawText(passage);
  else drawMarkup(passage);
}

/** @param {Passage} passage */
function drawImage({ image, rects, page, title }) {
  const picture = /** @type {HTMLImageElement} */ (part("image"));
  picture.alt = sentence("page_image", { page, title });
  part("rects").setAttribute("d", rects.map(({ x0, y0, x1, y1 }) => `M${x0} ${y0}H${x1}V${y1}H${x0}Z`).join(""));
  picture.onload = () => {
    const top = rects.length ? Math.min(...rects.map(({ y0 }) => y0)) * picture.clientHeight : 0;
    part("scroll").scrollTo({ top: part("figure").offsetTop + top - HEADROOM });
  };
  picture.onerror = () => explain(null);
  picture.src = image;
  part("figure").hidden = false;
}

/** @param {Passage} passage */
function drawText({ text, start, end }) {
  const points = Array.from(text);
  const marked = document.createElement("mark");
  marked.textContent = points.slice(start ?? 0, end ?? 0).join("");
  part("page-text").replaceChildren(points.slice(0, start ?? 0).join(""), marked, points.slice(end ?? 0).join(""));
  part("page-text").hidden = false;
  part("scroll").scrollTo({ top: marked.offsetTop - HEADROOM });
}

/** @param {Passage} passage */
function drawMarkup({ html }) {
  setServerHTML(part("page-markup"), html);
  part("page-markup").hidden = false;
  const marked = part("page-markup").querySelector("mark");
  if (!marked) return;
  const above = marked.getBoundingClientRect().top - part("page-markup").getBoundingClientRect().top;
  part("scroll").scrollTo({ top: part("page-markup").offsetTop + above - HEADROOM });
}

/** @param {unknown} error */
function explain(error) {
  const gone = error instanceof RequestRefused && (error.status === 404 || error.status === 403);
  part("message").textContent = sentence(gone ? "source_gone" : "source_failed");
  if (gone) part("quote").hidden = true;
  part("message").hidden = false;
  part("figure").hidden = true;
}

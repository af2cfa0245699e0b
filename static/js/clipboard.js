/** Copies an answer with its sources as Markdown and rich text at once, a piece of code, and a table as CSV. */

import { announce } from "./announcer.js";
import { csvOf } from "./csv.js";
import { markdownOf } from "./markdown.js";
import { evidenceOf } from "./sources.js";
import { sentence } from "./strings.js";

/** How long a button says that it is done, in milliseconds. */
const DONE = 2000;

/** @typedef {{text: string, html?: string}} Content the same for programs that take text and for those that take more */

/**
 * @param {Element} answer
 * @param {HTMLElement} button says for a moment that it is done
 */
export async function copyAnswer(answer, button) {
  const body = answer.querySelector("[data-body]");
  const citations = evidenceOf(answer).citations;
  const sources = citations.length ? [`**${sentence("sources")}**`, citations.map(listed).join("\n")] : [];
  const text = [markdownOf(body), ...sources].join("\n\n");
  await copied({ text, html: richText(body, citations) }, button);
}

/**
 * @param {Element} pre
 * @param {HTMLElement} button
 */
export async function copyCode(pre, button) {
  await copied({ text: pre.textContent }, button);
}

/**
 * @param {HTMLTableElement} table
 * @param {HTMLElement} button
 */
export async function copyTable(table, button) {
  await copied({ text: csvOf(table) }, button);
}

/** @param {import("./passages.js").Source} source */
function placeOf({ title, page }) {
  return `${title}, ${sentence("page", { pages: page })}`;
}

/** @param {import("./passages.js").Source} source */
function listed(source) {
  const place = placeOf(source).replace(/[\\`*_[\]<>]/g, "\\$&");
  return `- [${source.marker}] ${source.url ? `[${place}](<${source.url}>)` : place}`;
}

/**
 * @param {Element} body
 * @param {import("./passages.js").Source[]} citations
 * @returns {string} HTML of plain elements, the chips as links to what they cite
 */
function richText(body, citations) {
  const copy = document.createElement("div");
  for (const block of body.children) copy.append(...block.cloneNode(true).childNodes);
  for (const frame of copy.querySelectorAll("[data-frame]")) frame.replaceWith(...frame.querySelectorAll("pre, table"));
  const places = new Map(citations.map((source) => [String(source.marker), source]));
  for (const chip of /** @type {NodeListOf<HTMLElement>} */ (copy.querySelectorAll(".chip"))) {
    chip.replaceWith(element("sup", linked(places.get(chip.dataset.marker), `[${chip.dataset.marker}]`)));
  }
  for (const span of copy.querySelectorAll("span")) span.replaceWith(...span.childNodes);
  for (const one of copy.querySelectorAll("*")) {
    for (const name of one.getAttributeNames()) if (!["href", "start"].includes(name)) one.removeAttribute(name);
  }
  if (citations.length) {
    const items = citations.map((source) => element("li", `[${source.marker}] `, linked(source, placeOf(source))));
    copy.append(element("p", element("strong", sentence("sources"))), element("ul", ...items));
  }
  return copy.innerHTML;
}

/**
 * @param {import("./passages.js").Source | undefined} source
 * @param {string} text
 */
function linked(source, text) {
  if (!source?.url) return text;
  const link = document.createElement("a");
  link.href = source.url;
  link.textContent = text;
  return link;
}

/**
 * @param {string} name
 * @param {...(Node | string)} content
 */
function element(name, ...content) {
  const made = document.createElement(name);
  made.append(...content);
  return made;
}

/**
 * @param {Content} content
 * @param {HTMLElement} button
 */
async function copied(content, button) {
  try {
    await write(content);
  } catch {
    announce(sentence("copy_failed"));
    return;
  }
  announce(sentence("copied"));
  button.dataset.done = "";
  setTimeout(() => delete button.dataset.done, DONE);
}

/** @param {Content} content */
async function write(content) {
  // A portal may run without TLS: there browsers have no other clipboard than that of their own Copy.
  if (!navigator.clipboard?.write) writeAsIfByHand(content);
  else {
    const entries = Object.entries(typed(content)).map(([type, data]) => [type, new Blob([data], { type })]);
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(entries))]);
  }
}

/** @param {Content} content */
function typed({ text, html }) {
  return html === undefined ? { "text/plain": text } : { "text/plain": text, "text/html": html };
}

/** @param {Content} content */
function writeAsIfByHand(content) {
  const fill = (/** @type {ClipboardEvent} */ event) => {
    event.preventDefault();
    for (const [type, data] of Object.entries(typed(content))) event.clipboardData.setData(type, data);
  };
  document.addEventListener("copy", fill, { once: true });
  const isDone = document.execCommand("copy");
  document.removeEventListener("copy", fill);
  if (!isDone) throw new Error("The browser does not copy.");
}

/**
 * What an answer rests on: its citations and the passages that were retrieved, kept per answer, and the list of
 * documents under it.
 *
 * @typedef {import("./passages.js").Source} Source
 * @typedef {{citations: Source[], sources: Source[]}} Evidence
 */

import { fragment } from "./fragments.js";
import { passageLinks } from "./passages.js";
import { sentence } from "./strings.js";

/** @type {WeakMap<Element, Evidence>} */
const evidence = new WeakMap();

/**
 * @param {Element} answer
 * @returns {Evidence}
 */
export function evidenceOf(answer) {
  return evidence.get(answer) ?? { citations: [], sources: [] };
}

/**
 * @param {Element} answer
 * @param {Partial<Evidence>} found
 */
export function keepEvidence(answer, found) {
  evidence.set(answer, { ...evidenceOf(answer), ...found });
}

/**
 * Draws the documents under an answer: those cited, and apart from them those merely retrieved.
 *
 * @param {Element} answer
 * @param {boolean} refused whether the passages are the nearest ones to a question that found no answer
 */
export function drawSources(answer, refused) {
  const { citations, sources } = evidenceOf(answer);
  const relevance = new Relevance(sources);
  const cited = new Set(citations.map((citation) => citation.marker));
  const retrieved = sources.filter((source) => !cited.has(source.marker));
  const parts = [];
  if (citations.length) parts.push(heading(sentence("sources")), list(citations, relevance));
  if (retrieved.length) {
    const title = sentence(refused ? "nearest" : "also_read", { count: retrieved.length });
    parts.push(folded(title, list(retrieved, relevance), refused));
  }
  answer.querySelector("[data-sources]").replaceChildren(...parts);
}

/** How well passages fit the question: their place among all that the model was given, by the search's own scores. */
class Relevance {
  #scores;
  #ranked;

  /** @param {Source[]} sources that the model was given */
  constructor(sources) {
    this.#scores = new Map(sources.map((source) => [source.marker, source.score ?? 0]));
    this.#ranked = [...this.#scores.values()].sort((a, b) => b - a);
  }

  /**
   * @param {Element} item
   * @param {Source[]} group passages of one document: the best of them counts
   */
  draw(item, group) {
    const score = Math.max(...group.map((source) => this.#scores.get(source.marker) ?? 0));
    // One alone has nothing to be compared with.
    if (score <= 0 || this.#ranked.length < 2) return;
    const place = this.#ranked.indexOf(score) + 1;
    const meter = /** @type {HTMLMeterElement} */ (item.querySelector("[data-relevance-bar]"));
    meter.max = this.#ranked[0];
    meter.value = score;
    const words = sentence(place === 1 ? "relevance_best" : "relevance", { place, count: this.#ranked.length });
    item.querySelector("[data-relevance-words]").textContent = words;
    /** @type {HTMLElement} */ (item.querySelector("[data-relevance]")).hidden = false;
  }
}

/** @param {string} text */
function heading(text) {
  const element = document.createElement("h2");
  element.className = "sources-title";
  element.textContent = text;
  return element;
}

/**
 * @param {string} title
 * @param {Element} content
 * @param {boolean} open
 */
function folded(title, content, open) {
  const details = document.createElement("details");
  details.className = "sources-more";
  details.open = open;
  const summary = document.createElement("summary");
  summary.textContent = title;
  details.append(summary, content);
  return details;
}

/**
 * @param {Source[]} sources
 * @param {Relevance} relevance
 */
function list(sources, relevance) {
  const element = document.createElement("ol");
  element.className = "source-list";
  for (const group of byDocument(sources)) {
    const item = fragment("source-document");
    item.querySelector("[data-markers]").append(...group.map(chipOf));
    item.querySelector("[data-title]").replaceWith(titleOf(group));
    const pages = pageRanges(group.map((source) => source.page));
    item.querySelector("[data-pages]").textContent = sentence("page", { pages });
    /** @type {HTMLElement} */ (item.querySelector("[data-gone]")).hidden = Boolean(group[0].document);
    relevance.draw(item, group);
    element.append(item);
  }
  return element;
}

/** @param {Source[]} group passages of one document */
function titleOf([first]) {
  const title = link(first, "source-title", first.title);
  title.dir = "auto";
  return title;
}

/** @param {Source} source */
function chipOf(source) {
  return link(source, "chip", String(source.marker));
}

/**
 * @param {Source} source
 * @param {string} name of the class
 * @param {string} text
 */
function link(source, name, text) {
  const links = passageLinks(source);
  const element = document.createElement(links ? "a" : "span");
  element.className = name;
  element.textContent = text;
  element.dir = "auto";
  element.dataset.marker = String(source.marker);
  if (links) element.setAttribute("href", links.page);
  return element;
}

/** @param {Source[]} sources */
function byDocument(sources) {
  /** @type {Map<string, Source[]>} */
  const groups = new Map();
  for (const source of sources) {
    const key = source.document ?? source.title;
    groups.set(key, [...(groups.get(key) ?? []), source]);
  }
  return groups.values();
}

/**
 * @param {number[]} pages
 * @returns {string} such as "3–5, 8"
 */
function pageRanges(pages) {
  const ranges = [];
  for (const page of [...new Set(pages)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === page - 1) last[1] = page;
    else ranges.push([page, page]);
  }
  return ranges.map(([from, to]) => (from === to ? from : `${from}–${to}`)).join(", ");
}

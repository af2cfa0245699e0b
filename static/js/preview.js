/** The card over a citation chip: hover or focus shows it, Escape hides it, the pointer may move onto it. */

import { sentence } from "./strings.js";

const LINGER = 160;
const MARGIN = 8;
const SNIPPET = 280;

const card = document.getElementById("citation-preview");
/** @type {HTMLElement | null} */
let shownFor = null;
let timer = 0;

card.addEventListener("pointerenter", () => clearTimeout(timer));
card.addEventListener("pointerleave", () => hideSoon());
addEventListener("scroll", () => shownFor && putBeside(shownFor), { passive: true });

/**
 * @param {HTMLElement} chip
 * @param {import("./passages.js").Source | undefined} source undefined when nothing is known of it any more
 */
export function showPreview(chip, source) {
  clearTimeout(timer);
  shownFor?.removeAttribute("aria-describedby");
  const title = line("preview-title", source?.title ?? "");
  const place = line("preview-place", source ? sentence("page", { pages: source.page }) : "");
  const words = source?.document ? snippet(source.quote || source.text || "") : sentence("source_gone");
  const quote = line(source?.document ? "preview-quote" : "preview-gone", words);
  title.dir = "auto";
  if (source?.document) quote.dir = "auto";
  card.replaceChildren(...[title, place, quote].filter((part) => part.textContent));
  card.hidden = false;
  shownFor = chip;
  chip.setAttribute("aria-describedby", card.id);
  putBeside(chip);
}

/** Leaves time to move from the chip to the card. */
export function hideSoon() {
  clearTimeout(timer);
  timer = setTimeout(hidePreview, LINGER);
}

export function hidePreview() {
  clearTimeout(timer);
  card.hidden = true;
  shownFor?.removeAttribute("aria-describedby");
  shownFor = null;
}

/**
 * @param {string} name
 * @param {string} text
 */
function line(name, text) {
  const element = document.createElement("p");
  element.className = name;
  element.textContent = text;
  return element;
}

/** @param {string} text */
function snippet(text) {
  return text.length > SNIPPET ? `${text.slice(0, SNIPPET).trimEnd()}…` : text;
}

/** @param {HTMLElement} chip */
function putBeside(chip) {
  const at = chip.getBoundingClientRect();
  const { width, height } = card.getBoundingClientRect();
  const rightmost = document.documentElement.clientWidth - width - MARGIN;
  const left = Math.min(Math.max(MARGIN, at.left + at.width / 2 - width / 2), rightmost);
  const above = at.top - height - MARGIN;
  card.style.left = `${left}px`;
  card.style.top = `${above > MARGIN ? above : at.bottom + MARGIN}px`;
}

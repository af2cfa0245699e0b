/** Citation chips and the titles under an answer: preview on hover and focus, the source panel on a plain click. */

import { openSource } from "./panel.js";
import { hidePreview, hideSoon, showPreview } from "./preview.js";
import { evidenceOf } from "./sources.js";

const CHIP = ".answer .chip";
const LINK = ".answer :is(.chip, .source-title)[data-marker]";

/** Listens once, on the document, so that chips may come and go with the blocks of a stream. */
export function openCitations() {
  document.addEventListener("pointerover", (event) => event.pointerType === "mouse" && preview(event.target));
  document.addEventListener("pointerout", (event) => chipOf(event.target) && hideSoon());
  document.addEventListener("focusin", (event) => {
    if (chipOf(event.target)?.matches(":focus-visible")) preview(event.target);
  });
  document.addEventListener("focusout", (event) => chipOf(event.target) && hideSoon());
  document.addEventListener("keydown", (event) => event.key === "Escape" && hidePreview());
  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(LINK));
    const found = link && locate(link);
    if (!found?.source?.document) return;
    event.preventDefault();
    hidePreview();
    openSource(found.among, found.source);
  });
}

/** @param {EventTarget} target */
function preview(target) {
  const chip = chipOf(target);
  if (chip) showPreview(chip, locate(chip).source);
}

/**
 * @param {EventTarget} target
 * @returns {HTMLElement | null}
 */
function chipOf(target) {
  return target instanceof Element ? target.closest(CHIP) : null;
}

/**
 * The source that a link stands for. Before an answer is finished only its retrieved passages are known.
 *
 * @param {HTMLElement} link
 * @returns {{source: import("./passages.js").Source | undefined, among: import("./passages.js").Source[]}}
 */
function locate(link) {
  const { citations, sources } = evidenceOf(link.closest(".answer"));
  for (const among of [citations, sources]) {
    const source = among.find(({ marker }) => String(marker) === link.dataset.marker);
    if (source) return { source, among: among.filter((one) => one.document) };
  }
  return { source: undefined, among: [] };
}

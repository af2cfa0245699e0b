/** Copies an answer with its sources, as plain text and as rich text. */

import { announce } from "./announcer.js";
import { evidenceOf } from "./sources.js";
import { sentence } from "./strings.js";

/**
 * @param {Element} answer
 * @param {HTMLElement} button says for a moment that it is done
 */
export async function copyAnswer(answer, button) {
  const body = plainMarkers(answer);
  const { citations } = evidenceOf(answer);
  const sources = citations.map(
    ({ marker, title, page }) => `[${marker}] ${title}, ${sentence("page", { pages: page })}`,
  );
  for (const line of sources) {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    body.append(paragraph);
  }
  const text = [...plainBlocks(answer), sources.join("\n")].filter(Boolean).join("\n\n");
  await navigator.clipboard.write([
    new ClipboardItem({
      "text/plain": new Blob([text], { type: "text/plain" }),
      "text/html": new Blob([body.innerHTML], { type: "text/html" }),
    }),
  ]);
  announce(sentence("copied"));
  button.dataset.done = "";
  button.addEventListener("pointerleave", () => delete button.dataset.done, { once: true });
}

/**
 * @param {Element} answer
 * @returns {HTMLElement} a copy of its text with `[1]` for each chip
 */
function plainMarkers(answer) {
  const body = /** @type {HTMLElement} */ (answer.querySelector("[data-body]").cloneNode(true));
  for (const chip of body.querySelectorAll(".chip")) chip.replaceWith(` [${chip.textContent.trim()}]`);
  return body;
}

/**
 * @param {Element} answer
 * @returns {string[]} each block as text, list items and table rows on lines of their own
 */
function plainBlocks(answer) {
  const body = plainMarkers(answer);
  for (const item of body.querySelectorAll("li")) item.prepend("- ");
  for (const line of body.querySelectorAll("li, tr")) line.append("\n");
  for (const cell of body.querySelectorAll("th, td")) cell.append("\t");
  return [...body.children].map((block) => block.textContent.trim());
}

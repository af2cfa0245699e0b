/** What is left of the limits on asking, beside the question field: looked up anew after each answer. */

import { getJSON } from "./requests.js";

const notice = /** @type {HTMLElement | null} */ (document.querySelector("[data-tight-limits]"));

export async function refreshLimits() {
  if (!notice) return;
  try {
    const { limits } = await getJSON(notice.dataset.url);
    notice.replaceChildren(...limits.map(line));
  } catch {
    // Without a connection the old notice stays.
  }
}

/** @param {string} limit a sentence */
function line(limit) {
  const element = document.createElement("p");
  element.textContent = limit;
  return element;
}

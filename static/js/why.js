/** "Why this answer", for admins: what was found for it and how long that took, fetched when it is opened. */

import { NO_ID } from "./fragments.js";
import { setServerHTML } from "./html.js";
import { showFailure } from "./retry.js";
import { sentence } from "./strings.js";

/**
 * Shows the disclosure of an answer that is over. A page of somebody who may not open it has none.
 *
 * @param {HTMLElement} answer
 */
export function offerWhy(answer) {
  const why = /** @type {HTMLDetailsElement | null} */ (answer.querySelector("[data-why]"));
  if (!why || !answer.dataset.message) return;
  why.hidden = false;
  why.addEventListener("toggle", () => why.open && load(why, answer.dataset.message));
}

/**
 * @param {HTMLDetailsElement} why
 * @param {string} id of the answer
 */
async function load(why, id) {
  const body = why.querySelector("[data-why-body]");
  if (body.childElementCount) return;
  body.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(why.dataset.url.replace(NO_ID, id), { headers: { Accept: "text/html" } });
    if (response.ok) setServerHTML(body, await response.text());
    else if (response.status === 404) body.textContent = sentence("nothing_searched");
    else showFailure(body, () => load(why, id));
  } catch {
    showFailure(body, () => load(why, id));
  } finally {
    body.removeAttribute("aria-busy");
  }
}

/** The versions of questions and answers: the server renders the branch that one is at, and the way to the others. */

import { announce } from "./announcer.js";
import { serverDocument } from "./html.js";
import { sentence } from "./strings.js";

const HEADERS = { Accept: "text/html" };

/**
 * Shows another branch in the log. Without scripts the form does the same by itself.
 *
 * @param {HTMLElement} log
 * @param {HTMLFormElement} form
 * @param {HTMLButtonElement} button the one that was pressed
 * @returns {Promise<(() => void) | null>} gives the focus back once the branch can be used; null where none is shown
 */
export async function showBranch(log, form, button) {
  const wanted = button.value;
  const label = button.closest('[role="group"]').getAttribute("aria-label");
  const body = new FormData(form, button);
  const response = await fetch(form.getAttribute("action"), { method: "POST", headers: HEADERS, body });
  const fresh = response.ok ? serverDocument(await response.text()).querySelector("[data-log]") : null;
  if (!fresh) return null;
  // A copy of the list: each one leaves it when it is adopted.
  log.replaceChildren(...[...fresh.children].map((child) => document.adoptNode(child)));
  announce(sentence("version_shown"));
  const turn = log.querySelector(`[data-message="${CSS.escape(wanted)}"]`);
  return () => focusOn(turn, label, "next" in button.dataset);
}

/**
 * Another version was begun: says of each turn on the page anew which of how many it is.
 *
 * @param {HTMLElement} log
 */
export async function renewVersions(log) {
  const response = await fetch(location.href, { headers: HEADERS }).catch(() => null);
  if (!response?.ok || response.redirected) return;
  const fresh = serverDocument(await response.text());
  for (const turn of /** @type {NodeListOf<HTMLElement>} */ (log.querySelectorAll("[data-message]"))) {
    const successor = fresh.querySelector(`[data-message="${CSS.escape(turn.dataset.message)}"] [data-siblings]`);
    const siblings = turn.querySelector("[data-siblings]");
    if (successor && !siblings.isEqualNode(successor)) siblings.replaceWith(document.adoptNode(successor));
  }
}

/**
 * @param {Element | null} turn
 * @param {string} label of the group of buttons that was used
 * @param {boolean} wasNext whether the focus was on the button that leads on
 */
function focusOn(turn, label, wasNext) {
  const group = turn?.querySelector(`[data-siblings] [aria-label="${CSS.escape(label)}"]`);
  const order = wasNext ? ["[data-next]", "[data-previous]"] : ["[data-previous]", "[data-next]"];
  const buttons = order.map((name) => /** @type {HTMLButtonElement} */ (group?.querySelector(name)));
  buttons.find((button) => button && !button.disabled)?.focus();
}

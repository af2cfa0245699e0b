/** Each message has an address of its own: it can be copied, and whoever follows it is led to the message. */

import { announce } from "./announcer.js";
import { sentence } from "./strings.js";

const NAME = /^#m-([0-9a-f-]{36})$/;

/**
 * Lets the address of each question and answer be copied.
 *
 * @param {HTMLElement} root
 */
export function linksMessages(root) {
  root.addEventListener("click", async (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-copy-link]"));
    const message = /** @type {HTMLElement | null} */ (button?.closest("[data-message]"));
    if (!message?.dataset.message) return;
    await navigator.clipboard.writeText(addressOf(message.dataset.message));
    button.dataset.done = "";
    button.addEventListener("pointerleave", () => delete button.dataset.done, { once: true });
    announce(sentence("link_copied"));
  });
  addEventListener("hashchange", () => showsMessage(root));
}

/** @param {string} id of a message on this page */
function addressOf(id) {
  return `${location.origin}${location.pathname}?message=${id}#m-${id}`;
}

/**
 * Shows and marks the message that the address names.
 *
 * @param {HTMLElement} root
 * @returns {boolean} whether it names one
 */
export function showsMessage(root) {
  for (const marked of root.querySelectorAll("[data-marked]")) delete (/** @type {HTMLElement} */ (marked).dataset.marked);
  const id = NAME.exec(location.hash)?.[1] ?? new URLSearchParams(location.search).get("message");
  if (!id) return false;
  const message = /** @type {HTMLElement | null} */ (root.querySelector(`[data-message="${CSS.escape(id)}"]`));
  if (!message) {
    // It is in another branch, which the server shows.
    if (root.dataset.conversation && !location.search.includes(id)) location.replace(`?message=${id}#m-${id}`);
    return false;
  }
  message.dataset.marked = "";
  message.tabIndex = -1;
  message.scrollIntoView({ block: "start" });
  message.focus({ preventScroll: true });
  return true;
}

/**
 * A page that renews itself: the server renders it again, and its parts marked `data-live` take the place of the old
 * ones. So there is one way in which a thing is shown, with scripts and without. What the server says only once
 * (`data-said-once`) stays until the next form is sent.
 */

import { announce } from "./announcer.js";
import { serverDocument } from "./html.js";

const PAUSE = 1_500;
/** A server that is slow is asked less often: it has a tenth of the time to do with this page. */
const SHARE = 10;

/** @type {((fresh: Document) => void)[]} */
const listeners = [];
let timer = 0;
let pause = PAUSE;
let running = false;

/** @param {(fresh: Document) => void} listener called with each fresh copy of the page */
export function onRenewed(listener) {
  listeners.push(listener);
}

/** Renews the page soon; asked often, it does so every one and a half seconds, or less often. */
export function renewSoon() {
  timer ||= setTimeout(renew, pause);
}

async function renew() {
  timer = 0;
  if (running) return renewSoon();
  running = true;
  const began = performance.now();
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    // Deleted or out of sight meanwhile: the server says so.
    if (response.status === 404) location.reload();
    if (response.ok && !response.redirected) show(await response.text());
  } catch {
    // The connection is lost, which the banner tells; what comes next renews it.
  } finally {
    running = false;
    pause = Math.max(PAUSE, SHARE * (performance.now() - began));
  }
}

/**
 * Sends a form without leaving the page, and shows what the page is afterwards.
 *
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} button the one that was pressed
 * @param {Record<string, string>} [more] fields beside the form's
 * @returns {Promise<void>}
 * @throws {TypeError} when the server cannot be reached
 * @throws {Error} when it refuses
 */
export async function submitInPlace(form, button, more = {}) {
  const body = new FormData(form, button);
  for (const [name, value] of Object.entries(more)) body.set(name, value);
  for (const said of document.querySelectorAll("[data-said-once]")) said.replaceChildren();
  // Not `form.action`: that is a button where one bears this name.
  const response = await fetch(form.getAttribute("action"), { method: "POST", headers: { Accept: "text/html" }, body });
  if (!response.ok) throw new Error(String(response.status));
  show(await response.text());
  announce(document.querySelector('[data-live="notices"]').textContent.trim());
}

/** @param {string} html of a whole page */
function show(html) {
  const fresh = serverDocument(html);
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-live]"))) {
    const successor = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    // What somebody is using stays as it is; the next time will do.
    if (!successor || part.contains(document.activeElement)) continue;
    if ("saidOnce" in part.dataset && !successor.childElementCount) continue;
    if (!part.isEqualNode(successor)) part.replaceWith(document.adoptNode(successor));
  }
  for (const listener of listeners) listener(fresh);
}

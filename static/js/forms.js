/**
 * Forms that are sent as browsers send them: while the server is out of reach they stay, with all that was written,
 * where the browser would show an error in the page's place.
 */

import { announce } from "./announcer.js";
import { isCutOff, tellCutOff } from "./banner.js";
import { sentence } from "./strings.js";

const PATIENCE = 5_000;

export function keepForms() {
  // After whatever else listens: who sends a form in another way has prevented this one.
  addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (event.defaultPrevented || form.method === "dialog" || !isCutOff()) return;
    event.preventDefault();
    sendWhenReachable(form, /** @type {HTMLElement | null} */ (event.submitter));
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} button the one that was pressed
 */
async function sendWhenReachable(form, button) {
  if (!(await isReachable())) {
    tellCutOff(sentence("not_sent"));
    announce(sentence("not_sent"));
    return;
  }
  // Not `requestSubmit`, which would ask again; the button's own name and value go along.
  if (button instanceof HTMLButtonElement && button.name) {
    const chosen = document.createElement("input");
    Object.assign(chosen, { type: "hidden", name: button.name, value: button.value });
    form.append(chosen);
  }
  form.submit();
}

/** @returns {Promise<boolean>} whether the server answers, whatever it says: a socket may be lost for itself */
async function isReachable() {
  if (!navigator.onLine) return false;
  try {
    await fetch("/health/live", { method: "HEAD", signal: AbortSignal.timeout(PATIENCE) });
    return true;
  } catch {
    return false;
  }
}

/**
 * What was just done, at the foot of the page, with a way to take it back for ten seconds.
 *
 * It outlives the page: whoever deletes what they are reading is led elsewhere, and finds it there.
 */

import { sentence } from "./strings.js";

const SECONDS = 10;
const KEY = "toast";
const toast = /** @type {HTMLElement} */ (document.querySelector("[data-toast]"));
const undo = /** @type {HTMLButtonElement} */ (toast.querySelector("[data-undo]"));
let timer = 0;

/**
 * @typedef {object} Deed what was done, and can be taken back until `until`
 * @property {string} text
 * @property {string[]} conversations
 * @property {string} [back] where to go when it is taken back
 * @property {number} [until] milliseconds since the epoch
 */

/** @type {(deed: Deed) => Promise<void>} */
let takeBack = async () => {};

/** @param {(deed: Deed) => Promise<void>} way how something is taken back */
export function offersUndo(way) {
  takeBack = way;
  toast.querySelector("[data-toast-close]").addEventListener("click", dismiss);
  // Whoever reads or reaches for it has time.
  for (const kind of ["pointerenter", "focusin"]) toast.addEventListener(kind, () => clearTimeout(timer));
  for (const kind of ["pointerleave", "focusout"]) toast.addEventListener(kind, () => hideIn(SECONDS * 1000));
  const kept = sessionStorage.getItem(KEY);
  if (!kept) return;
  const deed = /** @type {Deed} */ (JSON.parse(kept));
  if (deed.until > Date.now()) show(deed);
  else sessionStorage.removeItem(KEY);
}

/** @param {Deed} deed */
export function tellDeed(deed) {
  const whole = { ...deed, until: Date.now() + SECONDS * 1000 };
  sessionStorage.setItem(KEY, JSON.stringify(whole));
  show(whole);
}

/** @param {string} text about something that cannot be taken back, or that failed */
export function tell(text) {
  sessionStorage.removeItem(KEY);
  put(text);
  undo.hidden = true;
  hideIn(SECONDS * 1000);
}

/** @param {Deed} deed */
function show(deed) {
  put(deed.text);
  undo.hidden = false;
  undo.disabled = false;
  undo.onclick = async () => {
    undo.disabled = true;
    clearTimeout(timer);
    sessionStorage.removeItem(KEY);
    try {
      await takeBack(deed);
      dismiss();
    } catch {
      tell(sentence("undo_failed"));
    }
  };
  hideIn(deed.until - Date.now());
}

/** @param {string} text */
function put(text) {
  toast.querySelector("[data-toast-text]").textContent = text;
  toast.hidden = false;
}

/** @param {number} milliseconds */
function hideIn(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(dismiss, milliseconds);
}

function dismiss() {
  clearTimeout(timer);
  sessionStorage.removeItem(KEY);
  if (toast.contains(document.activeElement)) /** @type {HTMLElement} */ (document.getElementById("main")).focus();
  toast.hidden = true;
}

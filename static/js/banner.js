/** The quiet banner about a lost connection: shown only when it stays lost, or when the server wants no other. */

import { sentence } from "./strings.js";

const PATIENCE = 5_000;
const banner = /** @type {HTMLElement} */ (document.querySelector("[data-connection-banner]"));
const reconnecting = banner.textContent;
/** @type {Set<EventTarget>} */
const lost = new Set();
let timer = 0;
/** @type {(string | Node)[] | null} what a refusal says: it stays until the page is left */
let refusal = null;

/** @returns {boolean} whether the server is out of reach for the moment, as far as the page knows */
export function isCutOff() {
  return !navigator.onLine || lost.size > 0;
}

/** @param {string} words said at once, until the connection is back */
export function tellCutOff(words) {
  banner.textContent = words;
  banner.hidden = false;
}

/** The browser itself says that there is no network: that needs no patience. */
export function watchNetwork() {
  const tell = () => navigator.onLine || tellCutOff(sentence("offline"));
  addEventListener("offline", tell);
  // The sockets say when they are back; where none was lost meanwhile, the network's word will do.
  addEventListener("online", settle);
  tell();
}

/** All is well again, unless the network is away: a socket may still open, or stay open, at that moment. */
function settle() {
  if (lost.size || !navigator.onLine) return;
  clearTimeout(timer);
  timer = 0;
  banner.hidden = refusal === null;
  banner.replaceChildren(...(refusal ?? [reconnecting]));
}

/** @param {import("./socket.js").Socket} socket */
export function watchConnection(socket) {
  socket.addEventListener("lost", () => {
    lost.add(socket);
    timer ||= setTimeout(() => (banner.hidden = false), PATIENCE);
  });
  socket.addEventListener("open", () => {
    lost.delete(socket);
    settle();
  });
  socket.addEventListener("refused", (event) => {
    const status = /** @type {CustomEvent} */ (event).detail;
    if (status === 401) refusal = [sentence("session_ended"), " ", logIn()];
    else refusal = [sentence(status === 410 ? "conversation_gone" : "access_ended")];
    lost.delete(socket);
    banner.replaceChildren(...refusal);
    banner.hidden = false;
  });
}

/** @returns {HTMLAnchorElement} the way to log in and come back to this very page, where the draft still is */
function logIn() {
  const link = document.createElement("a");
  link.href = `${banner.dataset.loginUrl}?next=${encodeURIComponent(location.pathname)}`;
  link.textContent = sentence("log_in_again");
  return link;
}

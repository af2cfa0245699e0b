/** The quiet banner about a lost connection: shown only when it stays lost, or when the server wants no other. */

import { sentence } from "./strings.js";

const PATIENCE = 5_000;
const banner = /** @type {HTMLElement} */ (document.querySelector("[data-connection-banner]"));
/** @type {Set<EventTarget>} */
const lost = new Set();
let timer = 0;

/** @param {import("./socket.js").Socket} socket */
export function watchConnection(socket) {
  socket.addEventListener("lost", () => {
    lost.add(socket);
    timer ||= setTimeout(() => (banner.hidden = false), PATIENCE);
  });
  socket.addEventListener("open", () => {
    lost.delete(socket);
    if (lost.size) return;
    clearTimeout(timer);
    timer = 0;
    banner.hidden = true;
  });
  socket.addEventListener("refused", () => {
    banner.textContent = sentence("session_ended");
    banner.hidden = false;
  });
}

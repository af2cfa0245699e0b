/** While a colour is chosen: how it would read in both themes, as the server works it out. */

import { serverDocument } from "./html.js";

const SOON = 150;
const colour = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-colour]"));
let timer = 0;

colour?.addEventListener("input", () => {
  /** @type {HTMLInputElement} */ (document.getElementById("has-accent")).checked = true;
  clearTimeout(timer);
  timer = setTimeout(show, SOON);
});

async function show() {
  const chosen = colour.value;
  const query = new URLSearchParams({ accent: chosen });
  const response = await fetch(`${colour.dataset.url}?${query}`, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!response?.ok || colour.value !== chosen) return;
  const fresh = serverDocument(await response.text()).querySelector("[data-contrasts]");
  document.querySelector("[data-contrasts]").replaceWith(document.adoptNode(fresh));
}

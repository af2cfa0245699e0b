/**
 * Light, dark or as the system. The server keeps it with the person and renders the right one at once; a cookie says
 * it to pages that are opened before the server has heard of it, and to those before the log-in.
 */

import { announce } from "./announcer.js";
import { csrfHeader } from "./requests.js";
import { sentence } from "./strings.js";

const YEAR = 31_536_000;
/** Longer than the server takes to keep it. */
const MEANWHILE = 60;

/** Shows the choice, which does nothing without scripts, and listens to it. */
export function offerThemes() {
  const choice = /** @type {HTMLElement} */ (document.querySelector("[data-theme-choice]"));
  choice.hidden = false;
  choice.addEventListener("change", (event) => {
    const theme = /** @type {HTMLInputElement} */ (event.target).value;
    showTheme(theme);
    remember("theme", theme, YEAR);
    remember("theme_chosen", theme, MEANWHILE);
    keep(choice.dataset.url, theme);
  });
}

/** @param {string} theme */
export function showTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/**
 * @param {string} url
 * @param {string} theme
 */
async function keep(url, theme) {
  const body = new URLSearchParams({ theme });
  try {
    // `keepalive`: whoever chooses and goes on at once has chosen.
    const response = await fetch(url, { method: "POST", headers: csrfHeader, body, keepalive: true });
    if (!response.ok) announce(sentence("action_failed"));
  } catch {
    announce(sentence("action_failed"));
  }
}

/**
 * @param {string} name
 * @param {string} value
 * @param {number} seconds
 */
function remember(name, value, seconds) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax${secure}`;
}

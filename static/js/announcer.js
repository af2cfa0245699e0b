const region = document.querySelector("[data-announcer]");

/**
 * Says a sentence to screen readers, politely, through the page's one live region.
 *
 * @param {string} text
 */
export function announce(text) {
  region.textContent = text;
}

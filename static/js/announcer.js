const region = document.querySelector("[data-announcer]");

/**
 * Says a sentence to screen readers, politely, through the page's one live region.
 *
 * @param {string} text
 */
export function announce(text) {
  region.textContent = text;
}

/**
 * Says something after what is being said: what stands there is not taken away, so nothing is cut short.
 *
 * @param {string} text
 */
export function announceMore(text) {
  const line = document.createElement("span");
  line.textContent = `${text} `;
  region.append(line);
}

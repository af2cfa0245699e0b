/**
 * The only door by which HTML enters the page. Everything else is text.
 *
 * The server renders and sanitises each block of an answer; the browser parses no Markdown. Where the browser knows
 * Trusted Types, the policy named `docent` marks that HTML, so that a Content-Security-Policy can forbid all other.
 */

const policy = globalThis.trustedTypes?.createPolicy("docent", { createHTML: (html) => html });

/**
 * @param {Element} element what the HTML replaces the content of
 * @param {string} html HTML that the server made and sanitised
 */
export function setServerHTML(element, html) {
  element.innerHTML = policy ? policy.createHTML(html) : html;
}

/**
 * @param {string} html of a whole page that the server rendered
 * @returns {Document} a copy that runs nothing
 */
export function serverDocument(html) {
  return new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
}

/** Translated sentences, from the JSON block that every portal page carries. */

import { figure, formFor } from "./locale.js";

/** @type {Record<string, string | Record<string, string>>} a sentence, or its forms by number */
const sentences = JSON.parse(document.getElementById("strings").textContent);

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] what replaces each `{name}` in the sentence; `count` chooses
 *   among its forms
 * @returns {string} the sentence, or the empty string for an unknown key
 */
export function sentence(key, values = {}) {
  const found = sentences[key] ?? "";
  const said = typeof found === "string" ? found : formFor(found, Number(values.count));
  return said.replace(/\{(\w+)\}/g, (whole, name) => shown(values[name] ?? whole));
}

/** @param {string | number} value */
function shown(value) {
  return typeof value === "number" ? figure(value) : value;
}

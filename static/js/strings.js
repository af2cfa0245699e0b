/** Translated sentences, from the JSON block that every portal page carries. */

/** @type {Record<string, string>} */
const sentences = JSON.parse(document.getElementById("strings").textContent);

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] what replaces each `{name}` in the sentence
 * @returns {string} the sentence, or the empty string for an unknown key
 */
export function sentence(key, values = {}) {
  return (sentences[key] ?? "").replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

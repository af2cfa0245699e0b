/**
 * Addresses of passages on this origin. The `url` of a citation is the public address, which need not be the one that
 * the page was opened at; so they are made here, from patterns that the server renders into the source panel.
 *
 * @typedef {object} Source a citation or a retrieved passage, as in the API
 * @property {number} marker
 * @property {string | null} document id; null once it is deleted
 * @property {string} title
 * @property {number} version
 * @property {number} page
 * @property {number} start in the version's text, in code points
 * @property {number} end
 * @property {string | null} [url] the public address
 * @property {string} [quote] the cited sentence (citations)
 * @property {string} [text] the whole passage (retrieved passages)
 * @property {number} [score] retrieved passages only
 */

import { NO_ID } from "./fragments.js";

/** What stands for version and page in the patterns: larger than either ever is. */
const NO_VERSION = "1000000001";
const NO_PAGE = "1000000002";

const patterns = document.getElementById("source-panel").dataset;

/**
 * @param {Source} source
 * @returns {{page: string, data: string} | null} the portal's page and its JSON; null when the document is gone
 */
export function passageLinks(source) {
  if (!source.document) return null;
  return { page: fill(patterns.passageUrl, source), data: fill(patterns.passageDataUrl, source) };
}

/**
 * @param {string} pattern
 * @param {Source} source
 */
function fill(pattern, { document: id, version, page, start, end }) {
  const path = pattern.replace(NO_ID, id).replace(NO_VERSION, String(version)).replace(NO_PAGE, String(page));
  return `${path}?start=${start}&end=${end}`;
}

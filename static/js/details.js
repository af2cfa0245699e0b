/** Behind the info button of an answer: when, by which model, how long, how many tokens, and what was searched for. */

import { figure, locale } from "./locale.js";
import { sentence } from "./strings.js";

/**
 * @typedef {object} Made how an answer was made; what is not known is left out
 * @property {string} [at] when, as ISO 8601
 * @property {string} [searchedFor]
 * @property {string} [model]
 * @property {Record<string, any> | null} [usage] tokens, and the model's own speed
 * @property {Record<string, number> | null} [timings] in seconds: `search`, `thinking`, `first_token` and `total`
 */

/**
 * @param {Element} answer
 * @param {Made} made
 */
export function drawDetails(answer, made) {
  const rows = rowsOf(made).filter(([, value]) => value);
  const list = answer.querySelector("[data-details-list]");
  list.replaceChildren();
  for (const [name, value] of rows) {
    const term = document.createElement("dt");
    term.textContent = sentence(name);
    const description = document.createElement("dd");
    description.dir = "auto";
    description.append(value);
    list.append(term, description);
  }
  /** @type {HTMLElement} */ (answer.querySelector("[data-details]")).hidden = !rows.length;
}

/**
 * @param {Made} made
 * @returns {[string, string | Element][]} names of sentences, and what they say
 */
function rowsOf({ at, searchedFor, model, usage, timings }) {
  return [
    ["answered_at", at ? moment(at) : ""],
    ["model", model],
    ["searched_for", searchedFor],
    ["search_time", seconds(timings?.search)],
    ["thinking_time", seconds(timings?.thinking)],
    ["first_token", seconds(timings?.first_token)],
    ["total_time", seconds(timings?.total)],
    ["tokens_read", tokens(usage?.prompt_tokens, usage?.is_estimated)],
    ["tokens_written", tokens(usage?.completion_tokens, usage?.is_estimated)],
    ["speed", usage?.tokens_per_second ? sentence("tokens_a_second", { count: number(usage.tokens_per_second, 1) }) : ""],
  ];
}

/** @param {string} at */
function moment(at) {
  const time = document.createElement("time");
  time.dateTime = at;
  time.textContent = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
  return time;
}

/**
 * @param {number} value
 * @param {number} digits behind the point
 */
function number(value, digits) {
  return figure(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {number | null | undefined} value */
function seconds(value) {
  return Number.isFinite(value) ? sentence("seconds", { seconds: number(value, 2) }) : "";
}

/**
 * @param {number | undefined} count
 * @param {boolean | undefined} isEstimated
 */
function tokens(count, isEstimated) {
  if (!Number.isFinite(count)) return "";
  return sentence(isEstimated ? "about" : "exactly", { count: number(count, 0) });
}

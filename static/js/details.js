/** Behind the info button of an answer: what was searched for, which model, how long, how many tokens. */

import { figure } from "./locale.js";
import { sentence } from "./strings.js";

/** @type {Intl.NumberFormatOptions} */
const HUNDREDTHS = { minimumFractionDigits: 2, maximumFractionDigits: 2 };

/**
 * @param {Element} answer
 * @param {{searchedFor?: string, model?: string, usage?: Record<string, number> | null, timings?: Record<string, number> | null}} made
 *   timings in seconds: `search`, `first_token` and `total`
 */
export function drawDetails(answer, { searchedFor, model, usage, timings }) {
  const seconds = (/** @type {number | undefined} */ value) =>
    Number.isFinite(value) ? sentence("seconds", { seconds: figure(value, HUNDREDTHS) }) : "";
  const rows = [
    ["searched_for", searchedFor],
    ["model", model],
    ["search_time", seconds(timings?.search)],
    ["first_token", seconds(timings?.first_token)],
    ["total_time", seconds(timings?.total)],
    ["tokens", usage?.prompt_tokens === undefined ? "" : `${usage.prompt_tokens} / ${usage.completion_tokens}`],
  ].filter(([, value]) => value);
  const list = answer.querySelector("[data-details-list]");
  list.replaceChildren();
  for (const [name, value] of rows) {
    const term = document.createElement("dt");
    term.textContent = sentence(name);
    const description = document.createElement("dd");
    description.dir = "auto";
    description.textContent = value;
    list.append(term, description);
  }
  /** @type {HTMLElement} */ (answer.querySelector("[data-details]")).hidden = !rows.length;
}

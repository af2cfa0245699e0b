/** What is left of the limits on asking, beside the question field: looked up anew with each question. */

import { locale } from "./locale.js";
import { getJSON } from "./requests.js";
import { sentence } from "./strings.js";

const notice = /** @type {HTMLElement | null} */ (document.querySelector("[data-tight-limits]"));
/** The longest that the browser's clock waits, and the shortest that is worth it where clocks differ. */
const LONGEST_MS = 2 ** 31 - 1;
const SHORTEST_MS = 30_000;

/** @type {(words: string) => void} */
let tell = () => {};
let timer = 0;

/** @param {(words: string) => void} told called with why nothing more can be asked now, empty where something can */
export function watchLimits(told) {
  tell = told;
  if (!notice) return;
  const spent = /** @type {HTMLElement | null} */ (notice.querySelector("[data-resets-at]"));
  if (spent) close({ words: spent.querySelector("[data-words]").textContent, resets_at: spent.dataset.resetsAt });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && timer) refreshLimits();
  });
}

export async function refreshLimits() {
  if (!notice) return;
  try {
    const { limits, used_up: spent } = await getJSON(notice.dataset.url);
    clearTimeout(timer);
    timer = 0;
    if (spent) return close(spent);
    notice.replaceChildren(...limits.map(line));
    tell("");
  } catch {
    // Without a connection the old notice stays.
  }
}

/** @param {{words: string, resets_at: string}} spent */
function close({ words, resets_at: resetsAt }) {
  const then = new Date(resetsAt);
  const isToday = then.toDateString() === new Date().toDateString();
  const form = new Intl.DateTimeFormat(locale, {
    ...(isToday ? {} : { weekday: "long", day: "numeric", month: "long" }),
    hour: "numeric",
    minute: "2-digit",
  });
  const said = `${words} ${sentence("limit_resets", { time: form.format(then) })}`;
  const element = line(said);
  element.className = "spent-limit";
  if (notice.textContent.trim() !== said) notice.replaceChildren(element);
  const wait = Math.max(then.getTime() - Date.now() + 1000, SHORTEST_MS);
  timer = setTimeout(refreshLimits, Math.min(wait, LONGEST_MS));
  tell(said);
}

/** @param {string} limit a sentence */
function line(limit) {
  const element = document.createElement("p");
  element.textContent = limit;
  return element;
}

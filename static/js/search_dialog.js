/**
 * The search over every page: what fits, hits marked by the server, chosen by arrow keys and Enter or by a click.
 *
 * The focus stays in the field; which result is meant, `aria-activedescendant` says.
 */

import { setServerHTML } from "./html.js";
import { sentence } from "./strings.js";

const PAUSE = 200;
const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("search"));
const field = /** @type {HTMLInputElement} */ (dialog.querySelector("[data-search-field]"));
const results = /** @type {HTMLElement} */ (dialog.querySelector("[data-search-results]"));
const said = /** @type {HTMLElement} */ (dialog.querySelector("[data-search-said]"));
const failed = /** @type {HTMLElement} */ (dialog.querySelector("[data-search-failed]"));
let timer = 0;
/** Whether the first of what is found is to be opened. */
let isChosen = false;
let asking = new AbortController();

export function opensSearch() {
  for (const link of document.querySelectorAll('[data-shortcut="search"]')) {
    link.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      openSearch();
    });
  }
  field.addEventListener("input", () => {
    clearTimeout(timer);
    isChosen = false;
    timer = setTimeout(search, PAUSE);
  });
  field.addEventListener("keydown", pressed);
  dialog.querySelector("[data-search-close]").addEventListener("click", () => dialog.close());
  dialog.querySelector("[data-search-again]").addEventListener("click", () => {
    field.focus();
    search();
  });
  // A click beside it.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    clearTimeout(timer);
    timer = 0;
    asking.abort();
  });
  results.addEventListener("pointermove", (event) => {
    const option = /** @type {Element} */ (event.target).closest("[role=option]");
    if (option) activate(option, false);
  });
  // Where it is on this very page, no other page is loaded.
  results.addEventListener("click", () => dialog.close());
}

export function openSearch() {
  if (dialog.open) return;
  dialog.showModal();
  field.select();
  search();
}

async function search() {
  clearTimeout(timer);
  timer = 0;
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  results.ariaBusy = "true";
  try {
    const url = `${dialog.dataset.url}?q=${encodeURIComponent(field.value.trim())}`;
    const response = await fetch(url, { headers: { Accept: "text/html" }, signal });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    const html = await response.text();
    if (!signal.aborted) show(html);
  } catch {
    if (signal.aborted) return;
    show("");
    said.textContent = "";
    failed.hidden = false;
  }
}

/** @param {string} html of the options, which the server rendered */
function show(html) {
  setServerHTML(results, html);
  results.ariaBusy = "false";
  failed.hidden = true;
  const options = results.querySelectorAll("[role=option]");
  results.hidden = !options.length;
  field.ariaExpanded = String(Boolean(options.length));
  activate(options[0] ?? null, false);
  if (isChosen) /** @type {HTMLElement | undefined} */ (options[0])?.click();
  isChosen = false;
  if (field.value.trim()) said.textContent = options.length ? sentence("found_count", { count: options.length }) : sentence("found_none");
  else said.textContent = options.length ? sentence("found_latest") : sentence("found_nothing_yet");
}

/**
 * @param {Element | null} option
 * @param {boolean} scroll
 */
function activate(option, scroll) {
  for (const one of results.querySelectorAll("[aria-selected=true]")) one.ariaSelected = "false";
  if (!option) {
    field.removeAttribute("aria-activedescendant");
    return;
  }
  option.ariaSelected = "true";
  field.setAttribute("aria-activedescendant", option.id);
  if (scroll) option.scrollIntoView({ block: "nearest" });
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.isComposing) return;
  const options = /** @type {HTMLElement[]} */ ([...results.querySelectorAll("[role=option]")]);
  const at = options.findIndex((one) => one.ariaSelected === "true");
  if (event.key === "ArrowDown") activate(options[(at + 1) % options.length], true);
  else if (event.key === "ArrowUp") activate(options.at(at - 1) ?? null, true);
  // What is typed may be newer than what is shown: then it is found first.
  else if (event.key === "Enter" && (timer || results.ariaBusy === "true")) isChosen = true;
  else if (event.key === "Enter") options[at]?.click();
  else return;
  event.preventDefault();
}


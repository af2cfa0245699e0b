/** A name that is changed where it stands: Enter or leaving the field keeps it, Escape does not. */

import { renameConversation, rowOf } from "./conversation_list.js";
import { keepTitle } from "./deeds.js";
import { sentence } from "./strings.js";
import { tell } from "./toast.js";

/** Of two clicks that mean one thing, though the first one has led to another page. */
const TWICE = 500;
const CLICKED = "clicked";
const RENAMED = "rename";

/** F2 and a double click, on a conversation of the list and on the name above the page. */
export function renamesInPlace() {
  const list = /** @type {HTMLElement} */ (document.querySelector("[data-groups]"));
  list.addEventListener("click", clicked);
  list.addEventListener("dblclick", (event) => {
    const row = rowAt(event.target);
    if (!row || !onTitle(event.target)) return;
    // The first of the two clicks leads there already: then it goes on where one arrives.
    if (isHere(row)) renameRow(row);
    else sessionStorage.setItem(RENAMED, row.dataset.conversation);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "F2" || event.defaultPrevented || document.querySelector("dialog:modal")) return;
    const row = rowAt(event.target);
    if (row) renameRow(row);
    else renameHeading();
    event.preventDefault();
  });
  heading()?.addEventListener("dblclick", renameHeading);
  const wanted = sessionStorage.getItem(RENAMED);
  sessionStorage.removeItem(RENAMED);
  const row = wanted ? rowOf(wanted) : null;
  if (row && isHere(row)) renameRow(row);
}

/** @param {HTMLElement} row */
function isHere(row) {
  return row.querySelector("a").hasAttribute("aria-current");
}

/** @param {MouseEvent} event */
function clicked(event) {
  const row = rowAt(event.target);
  if (!row || !onTitle(event.target) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const id = row.dataset.conversation;
  const [before, at] = (sessionStorage.getItem(CLICKED) ?? "").split("@");
  sessionStorage.setItem(CLICKED, `${id}@${Date.now()}`);
  if (event.detail > 1) event.preventDefault();
  if (!isHere(row) || location.search || location.hash) return;
  // One is here already.
  event.preventDefault();
  if (before === id && Date.now() - Number(at) < TWICE) renameRow(row);
}

/** @param {HTMLElement} row */
export function renameRow(row) {
  const title = /** @type {HTMLElement} */ (row.querySelector("[data-title]"));
  const link = /** @type {HTMLElement} */ (row.querySelector("a"));
  edit(row.dataset.conversation, title.textContent, link);
}

function renameHeading() {
  const shown = heading();
  const id = /** @type {HTMLElement | null} */ (document.querySelector("[data-chat]"))?.dataset.conversation;
  if (shown && id) edit(id, shown.textContent, shown);
}

function heading() {
  return /** @type {HTMLElement | null} */ (document.querySelector("[data-chat]") && document.querySelector("[data-conversation-title]"));
}

/**
 * @param {string} id
 * @param {string} before
 * @param {HTMLElement} shown what the field stands in for
 */
function edit(id, before, shown) {
  if (shown.hidden) return;
  const field = document.createElement("input");
  field.className = "rename-field";
  field.value = before;
  field.maxLength = 200;
  field.dir = "auto";
  field.ariaLabel = sentence("new_title");
  shown.after(field);
  shown.hidden = true;
  field.focus();
  field.select();
  let isOver = false;

  const leave = (/** @type {boolean} */ refocus) => {
    isOver = true;
    field.remove();
    shown.hidden = false;
    if (refocus && shown.localName === "a") shown.focus();
  };
  const keep = async (/** @type {boolean} */ refocus) => {
    const title = field.value.trim();
    if (isOver) return;
    if (!title || title === before) return leave(refocus);
    isOver = true;
    field.readOnly = true;
    try {
      const kept = await keepTitle(id, title);
      leave(refocus);
      document.dispatchEvent(new CustomEvent("renamed", { detail: { conversation: id, title: kept } }));
    } catch {
      // What was written stays, to be tried once more.
      isOver = false;
      field.readOnly = false;
      tell(sentence("rename_failed"));
    }
  };
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    event.stopPropagation();
    if (event.key === "Enter") keep(true);
    else if (event.key === "Escape") leave(true);
    else return;
    event.preventDefault();
  });
  field.addEventListener("blur", () => keep(false));
}

/** @param {EventTarget} target */
function rowAt(target) {
  return target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest("[data-groups] [data-conversation]")) : null;
}

/** @param {EventTarget} target */
function onTitle(target) {
  return target instanceof Element && Boolean(target.closest(".conversation-link"));
}

/** Shows a name that was kept, here or elsewhere, in the list. */
export function showRenamed() {
  document.addEventListener("renamed", (event) => {
    const { conversation, title } = /** @type {CustomEvent} */ (event).detail;
    if (rowOf(conversation)) renameConversation(conversation, title);
  });
}

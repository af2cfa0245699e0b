/** The menu of a conversation in the list: by its button, which is always there, for mouse, keyboard and touch alike. */

import { archiveConversations, deleteConversations, pinConversation } from "./deeds.js";
import { fragment } from "./fragments.js";
import { renameRow } from "./renaming.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-groups]"));

export function opensRowMenus() {
  list.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const button = /** @type {HTMLElement | null} */ (target.closest("[data-more]"));
    if (button) toggle(button);
    const item = /** @type {HTMLElement | null} */ (target.closest("[data-do]"));
    if (item) choose(item);
  });
  list.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    const menu = open();
    if (menu && !menu.parentElement.contains(/** @type {Node} */ (event.target))) close(false);
  });
}

/** @param {HTMLElement} button */
function toggle(button) {
  const row = button.closest("li");
  const wasOpen = row.contains(open());
  close(false);
  if (wasOpen) return;
  const menu = fragment("conversation-actions");
  menu.ariaLabel = button.ariaLabel;
  const isPinned = "isPinned" in row.dataset;
  menu.querySelector(`[data-do="${isPinned ? "pin" : "unpin"}"]`).remove();
  if ("isArchived" in row.dataset) menu.querySelector('[data-do="archive"]').remove();
  row.append(menu);
  button.ariaExpanded = "true";
  menu.scrollIntoView({ block: "nearest" });
  menu.querySelector("button").focus({ preventScroll: true });
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const menu = open();
  if (!menu?.contains(document.activeElement)) {
    const row = /** @type {HTMLElement} */ (event.target).closest?.("[data-conversation]");
    if (event.key === "Delete" && row && !(event.target instanceof HTMLInputElement)) {
      event.preventDefault();
      deleteConversations([/** @type {HTMLElement} */ (row).dataset.conversation]);
    }
    return;
  }
  const items = [...menu.querySelectorAll("button")];
  const at = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
  if (event.key in steps) items.at(steps[event.key] % items.length).focus();
  else if (event.key === "Escape") close(true);
  else if (event.key === "Tab") return close(false);
  else return undefined;
  event.preventDefault();
  return event.stopPropagation();
}

/** @param {HTMLElement} item */
function choose(item) {
  const row = /** @type {HTMLElement} */ (item.closest("[data-conversation]"));
  const id = row.dataset.conversation;
  close(true);
  switch (item.dataset.do) {
    case "rename":
      return renameRow(row);
    case "archive":
      return archiveConversations([id]).then((done) => done.length && (row.dataset.isArchived = ""));
    case "delete":
      return deleteConversations([id]);
    default:
      return pinConversation(id, item.dataset.do === "pin");
  }
}

/** @returns {HTMLElement | null} */
function open() {
  return list.querySelector("[data-row-menu]");
}

/** @param {boolean} refocus */
function close(refocus) {
  const menu = open();
  if (!menu) return;
  const button = /** @type {HTMLElement} */ (menu.parentElement.querySelector("[data-more]"));
  menu.remove();
  button.ariaExpanded = "false";
  if (refocus) button.focus();
}

/** The list of conversations: drawer on narrow screens, live titles, spinners on those that are answering. */

import { fragment } from "./fragments.js";

const sidebar = document.getElementById("sidebar");
const list = /** @type {HTMLElement} */ (sidebar.querySelector("[data-conversations]"));

/** Opens and closes the drawer; without scripts, `:target` does the same. */
export function moveDrawer() {
  const opener = /** @type {HTMLElement} */ (document.querySelector("[data-open-sidebar]"));
  const stage = /** @type {HTMLElement} */ (document.querySelector(".stage"));
  const open = () => {
    sidebar.dataset.open = "";
    stage.inert = true;
    /** @type {HTMLElement} */ (sidebar.querySelector(".close-sidebar")).focus();
  };
  const close = () => {
    if (!("open" in sidebar.dataset)) return;
    delete sidebar.dataset.open;
    stage.inert = false;
    opener.focus();
  };
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    open();
  });
  for (const closer of document.querySelectorAll("[data-close-sidebar]")) {
    closer.addEventListener("click", (event) => {
      event.preventDefault();
      close();
    });
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && close());
  matchMedia("(width >= 60rem)").addEventListener("change", (event) => event.matches && close());
}

/**
 * Puts a conversation that has just begun on top of today's.
 *
 * @param {{id: string, title: string, url: string}} conversation
 */
export function addConversation({ id, title, url }) {
  const item = fragment("conversation-item");
  item.dataset.conversation = id;
  item.querySelector("[data-title]").textContent = title;
  const link = item.querySelector("a");
  link.href = url;
  link.setAttribute("aria-current", "page");
  today().prepend(item);
}

/**
 * @param {string} conversation
 * @param {string} title
 */
export function renameConversation(conversation, title) {
  const item = find(conversation);
  if (item) item.querySelector("[data-title]").textContent = title;
}

/**
 * @param {string} conversation
 * @param {boolean} running
 */
export function markRunning(conversation, running) {
  find(conversation)?.toggleAttribute("data-running", running);
}

/** @param {string} conversation */
function find(conversation) {
  return list.querySelector(`[data-conversation="${CSS.escape(conversation)}"]`);
}

/** @returns {Element} the list of today's conversations, made when there is none */
function today() {
  const label = list.dataset.todayLabel;
  const found = list.querySelector(`[data-group="${CSS.escape(label)}"] ul`);
  if (found) return found;
  const section = document.createElement("section");
  section.className = "conversation-group";
  section.dataset.group = label;
  const heading = document.createElement("h2");
  heading.textContent = label;
  const items = document.createElement("ul");
  items.className = "conversation-list";
  section.append(heading, items);
  const pinned = list.querySelector("[data-pinned]");
  if (pinned) pinned.after(section);
  else list.prepend(section);
  /** @type {HTMLElement} */ (list.querySelector("[data-no-conversations]")).hidden = true;
  return items;
}

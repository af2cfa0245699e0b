/** The list of conversations: drawer on narrow screens, live titles, spinners on those that are answering. */

import { fragment } from "./fragments.js";

const WIDE = matchMedia("(width >= 60rem)");
const sidebar = document.getElementById("sidebar");
const list = /** @type {HTMLElement} */ (sidebar.querySelector("[data-conversations]"));

/**
 * On narrow screens the sidebar is a drawer, of which nothing else can be reached while it is open; without scripts,
 * `:target` opens it. On wide ones it is a column, which this browser may put away.
 *
 * @returns {() => void} what opens or closes it, whichever it is
 */
export function moveDrawer() {
  const opener = /** @type {HTMLElement} */ (document.querySelector("[data-open-sidebar]"));
  const closer = /** @type {HTMLElement} */ (sidebar.querySelector(".close-sidebar"));
  const others = [...document.body.children].filter((one) => one !== sidebar && !one.matches(".scrim, [data-announcer]"));
  const open = () => {
    sidebar.dataset.open = "";
    for (const other of others) /** @type {HTMLElement} */ (other).inert = true;
    closer.focus();
  };
  const close = () => {
    if (!("open" in sidebar.dataset)) return;
    delete sidebar.dataset.open;
    for (const other of others) /** @type {HTMLElement} */ (other).inert = false;
    opener.focus();
  };
  const show = (/** @type {boolean} */ shown) => {
    if (!WIDE.matches) return shown ? open() : close();
    const hadFocus = sidebar.contains(document.activeElement) || document.activeElement === opener;
    putAway(!shown);
    if (hadFocus) (shown ? closer : opener).focus();
  };
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    show(true);
  });
  for (const one of document.querySelectorAll("[data-close-sidebar]")) {
    one.addEventListener("click", (event) => {
      event.preventDefault();
      show(false);
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog:modal")) close();
  });
  WIDE.addEventListener("change", (event) => event.matches && close());
  return () => show(WIDE.matches ? isAway() : !("open" in sidebar.dataset));
}

function isAway() {
  return document.documentElement.dataset.sidebar === "closed";
}

/** @param {boolean} away kept in a cookie, so that the server renders the next page so at once */
function putAway(away) {
  if (away) document.documentElement.dataset.sidebar = "closed";
  else delete document.documentElement.dataset.sidebar;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `sidebar=${away ? "closed" : "open"}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
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

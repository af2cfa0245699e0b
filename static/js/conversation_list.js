/**
 * The conversations in the sidebar: live titles, spinners on those that are answering, and older ones as one scrolls.
 *
 * Each conversation stands there once. What a piece brings that is there already has come by another way meanwhile.
 */

import { fragment, NO_ID } from "./fragments.js";
import { serverDocument } from "./html.js";
import { sentence } from "./strings.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-conversations]"));
const groups = /** @type {HTMLElement} */ (list.querySelector("[data-groups]"));
/** Of the end of the list, when the next piece is fetched. */
const AHEAD = "600px";

/** @param {string} id of a conversation */
export function addressOf(id) {
  return list.dataset.conversationUrl.replace(NO_ID, id);
}

/** @param {string} conversation */
export function rowOf(conversation) {
  return /** @type {HTMLElement | null} */ (groups.querySelector(`[data-conversation="${CSS.escape(conversation)}"]`));
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
  today().prepend(item);
  dress(item);
}

/**
 * @param {string} conversation
 * @param {string} title
 */
export function renameConversation(conversation, title) {
  const item = rowOf(conversation);
  if (!item) return;
  item.querySelector("[data-title]").textContent = title;
  dress(item);
}

/**
 * Something was asked in it, here or elsewhere: it is the latest now.
 *
 * @param {string} conversation
 */
export function moveToTop(conversation) {
  const item = rowOf(conversation);
  if (!item || "isPinned" in item.dataset || item.contains(document.activeElement)) return;
  // Nothing moves under the mouse.
  if (groups.matches(":hover")) return;
  const group = item.closest("section");
  const top = today();
  if (top.firstElementChild === item) return;
  top.prepend(item);
  if (group) tidy(group);
}

/**
 * @param {string} conversation
 * @param {boolean} running
 */
export function markRunning(conversation, running) {
  rowOf(conversation)?.toggleAttribute("data-running", running);
}

/** @param {string} conversation */
export function removeConversation(conversation) {
  const item = rowOf(conversation);
  if (!item) return;
  const group = item.closest("section");
  // Whoever stood there goes on with what took its place.
  const next = item.nextElementSibling ?? item.previousElementSibling;
  const hadFocus = item.contains(document.activeElement);
  item.remove();
  if (hadFocus) next?.querySelector("a").focus();
  tidy(group);
}

/** Shows the list as it is now, from its beginning. */
export async function renewList() {
  const fresh = await fetchPiece(list.dataset.url);
  groups.replaceChildren(...fresh.body.children);
  showWhetherEmpty();
  dressAll();
}

/** Fetches older conversations when one comes near the end, and whenever its link is followed. */
export function fetchOlder() {
  watchEnd();
  groups.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest("[data-older]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    appendOlder(/** @type {HTMLAnchorElement} */ (link));
  });
  dressAll();
}

const observer = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) appendOlder(/** @type {HTMLAnchorElement} */ (target));
    }
  },
  { root: list, rootMargin: AHEAD },
);

function watchEnd() {
  observer.disconnect();
  const end = groups.querySelector("[data-older]");
  if (end) observer.observe(end);
}

/** @param {HTMLAnchorElement} end the link to what is older, which the next piece takes the place of */
async function appendOlder(end) {
  if (end.ariaBusy === "true") return;
  observer.unobserve(end);
  end.ariaBusy = "true";
  try {
    const piece = await fetchPiece(end.dataset.older);
    // The list was renewed meanwhile, and begins anew.
    if (!end.isConnected) return;
    const hadFocus = document.activeElement === end;
    const known = groups.querySelectorAll("[data-conversation]").length;
    end.parentElement.remove();
    for (const group of [...piece.body.children]) append(/** @type {HTMLElement} */ (group));
    const first = groups.querySelectorAll("[data-conversation] a")[known];
    if (hadFocus) /** @type {HTMLElement | undefined} */ (first)?.focus();
    dressAll();
  } catch {
    // The link stays, and says so: following it tries once more.
    end.textContent = sentence("older_failed");
    end.ariaBusy = "false";
  }
}

/** @param {HTMLElement} group of a piece, or its link to the next one */
function append(group) {
  for (const item of group.querySelectorAll("[data-conversation]")) {
    if (rowOf(/** @type {HTMLElement} */ (item).dataset.conversation)) item.remove();
  }
  const { group: label } = group.dataset;
  if (label === undefined) return groups.append(group);
  const same = groups.querySelector(`[data-group="${CSS.escape(label)}"] ul`);
  const items = group.querySelectorAll("[data-conversation]");
  if (same) return same.append(...items);
  if (items.length) groups.append(group);
  return undefined;
}

/**
 * @param {string} url
 * @returns {Promise<Document>}
 */
async function fetchPiece(url) {
  const response = await fetch(url, { headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) throw new Error(String(response.status));
  return serverDocument(await response.text());
}

/** What the server does not know: which of them this page shows, and what their buttons are called. */
function dressAll() {
  for (const item of groups.querySelectorAll("[data-conversation]")) dress(/** @type {HTMLElement} */ (item));
  watchEnd();
}

/** @param {HTMLElement} item */
function dress(item) {
  const link = item.querySelector("a");
  if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  const more = /** @type {HTMLButtonElement} */ (item.querySelector("[data-more]"));
  more.ariaLabel = sentence("more_about", { title: item.querySelector("[data-title]").textContent });
  more.hidden = false;
}

/** @param {Element} group that may have lost its last conversation */
function tidy(group) {
  if (!group.querySelector("[data-conversation]")) group.remove();
  showWhetherEmpty();
}

function showWhetherEmpty() {
  const empty = /** @type {HTMLElement} */ (list.querySelector("[data-no-conversations]"));
  empty.hidden = Boolean(groups.querySelector("[data-conversation]"));
}

/** @returns {Element} the list of today's conversations, made when there is none */
function today() {
  const label = list.dataset.todayLabel;
  const found = groups.querySelector(`[data-group="${CSS.escape(label)}"] ul`);
  if (found) return found;
  const section = document.createElement("section");
  section.className = "conversation-group";
  section.dataset.group = label;
  const heading = document.createElement("h2");
  heading.textContent = label;
  const items = document.createElement("ul");
  items.className = "conversation-list";
  section.append(heading, items);
  const pinned = groups.querySelector("[data-pinned]");
  if (pinned) pinned.after(section);
  else groups.prepend(section);
  /** @type {HTMLElement} */ (list.querySelector("[data-no-conversations]")).hidden = true;
  return items;
}

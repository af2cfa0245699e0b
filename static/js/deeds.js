/** What is done with one conversation or many: deleted with a way back, archived, pinned, renamed. */

import { addressOf, removeConversation, renewList } from "./conversation_list.js";
import { csrfHeader, RequestRefused } from "./requests.js";
import { sentence } from "./strings.js";
import { offersUndo, tell, tellDeed } from "./toast.js";

const { chosenUrl } = /** @type {HTMLElement} */ (document.querySelector("[data-conversations]")).dataset;

/**
 * @param {string} url
 * @param {Record<string, string | string[]>} fields
 * @returns {Promise<any>}
 * @throws {RequestRefused | TypeError}
 */
export async function postFields(url, fields) {
  const body = new FormData();
  for (const [name, values] of Object.entries(fields)) {
    for (const value of [values].flat()) body.append(name, value);
  }
  const response = await fetch(url, { method: "POST", headers: { ...csrfHeader, Accept: "application/json" }, body });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new RequestRefused(response.status, answer.detail ?? "");
  return answer;
}

/** Lets what was deleted be brought back, wherever one is. */
export function bringsBack() {
  offersUndo(async ({ conversations, back }) => {
    const { refused } = await postFields(chosenUrl, { action: "restore", conversations });
    if (refused.length) throw new Error(refused[0].code);
    document.dispatchEvent(new CustomEvent("conversations-back", { detail: conversations }));
    if (back) location.assign(back);
    else await renewList();
  });
}

/**
 * Deletes them at once; for ten seconds it can be undone. Whoever reads one of them is led to a new chat.
 *
 * @param {string[]} ids
 * @returns {Promise<string[]>} those that are deleted
 */
export async function deleteConversations(ids) {
  const { done, refused } = await doWith("delete", ids);
  if (done.length) {
    const read = done.find((id) => location.pathname === addressOf(id));
    const text = done.length === 1 ? sentence("conversation_deleted") : sentence("conversations_deleted", { count: done.length });
    tellDeed({ text, conversations: done, back: read && addressOf(read) });
    done.forEach(removeConversation);
    if (read) location.assign(addressOf("").replace(/c\/\/$/, ""));
  }
  if (refused.length) tell(refused[0].detail);
  return done;
}

/**
 * @param {string[]} ids
 * @returns {Promise<string[]>} those that are archived
 */
export async function archiveConversations(ids) {
  const { done, refused } = await doWith("archive", ids);
  const count = done.length;
  if (refused.length) tell(refused[0].detail);
  else tell(count === 1 ? sentence("conversation_archived") : sentence("conversations_archived", { count }));
  if (done.some((id) => location.pathname === addressOf(id))) location.reload();
  return done;
}

/**
 * @param {string} action
 * @param {string[]} conversations
 * @returns {Promise<{done: string[], refused: {id: string, detail: string}[]}>}
 */
async function doWith(action, conversations) {
  try {
    return await postFields(chosenUrl, { action, conversations });
  } catch (error) {
    tell((error instanceof RequestRefused && error.message) || sentence("action_failed"));
    return { done: [], refused: [] };
  }
}

/**
 * @param {string} id
 * @param {boolean} isPinned
 */
export async function pinConversation(id, isPinned) {
  try {
    await postFields(`${addressOf(id)}pin/`, { pinned: String(isPinned) });
    await renewList();
  } catch {
    tell(sentence("action_failed"));
  }
}

/**
 * @param {string} id
 * @param {string} title
 * @returns {Promise<string>} the title as it is kept
 */
export async function keepTitle(id, title) {
  return (await postFields(`${addressOf(id)}rename/`, { title })).title;
}

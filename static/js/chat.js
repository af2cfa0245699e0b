/** The chat page: brings composer, scope, conversation, citations and uploads together. */

import { Assistants } from "./assistants.js";
import { offerChatShortcuts } from "./chat_shortcuts.js";
import { openCitations } from "./citations.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { addConversation, markRunning, renameConversation } from "./conversation_list.js";
import { deleteConversations } from "./deeds.js";
import { confirmed, opensDialog } from "./dialogs.js";
import { receiveFiles } from "./dropzone.js";
import { FollowUps } from "./follow_ups.js";
import { NO_ID } from "./fragments.js";
import { Gaps } from "./gaps.js";
import { refreshLimits, watchLimits } from "./limits.js";
import { linksMessages, showsMessage } from "./message_links.js";
import { PasteOffer } from "./pasting.js";
import { person } from "./person.js";
import { Picker } from "./picker.js";
import { Scope } from "./scope.js";
import { Follower } from "./scroll.js";
import { sharesInDialog } from "./share.js";
import { sentence } from "./strings.js";
import { Uploads } from "./uploads.js";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-chat]"));
const conversation = new Conversation(root);
const composer = new Composer(root.querySelector("[data-composer]"), () => conversation.lastQuestion);
const follower = new Follower(root);
const scope = new Scope(root.querySelector("[data-scope]"), root.dataset.conversation);
const assistants = new Assistants(root, scope);
const form = /** @type {HTMLFormElement} */ (root.querySelector("[data-composer]"));
const picker = new Picker(form, whyNot);
const gaps = new Gaps(form);
const followUps = new FollowUps(
  root.querySelector("[data-follow-ups]"),
  (question) => composer.fill(question),
  () => follower.keepUp(),
);
const isTemporary = "temporary" in root.dataset;
composer.holds = () => gaps.hold();
conversation.beginning = () => ({
  ...assistants.choice,
  ...(assistants.isOpen ? {} : scope.begin()),
  ...(isTemporary ? { temporary: true } : {}),
});

const tray = /** @type {HTMLElement | null} */ (root.querySelector("[data-uploads]"));
const uploads = tray ? new Uploads(tray, () => "") : null;

openCitations();
watchLimits((reason) => {
  composer.blocked = reason;
});
offerChatShortcuts(root, composer);
showRunning(conversation.isRunning);
linksMessages(root);
const isLed = showsMessage(root);
if (root.dataset.conversation && !isLed) follower.toEnd();
const isNaming = document.activeElement?.matches(".rename-field");
if (!isLed && !isNaming && !matchMedia("(pointer: coarse)").matches) composer.focus();

composer.addEventListener("ask", (event) => ask(/** @type {CustomEvent} */ (event).detail));
composer.addEventListener("edit", (event) => {
  const { message, content } = /** @type {CustomEvent} */ (event).detail;
  if (!conversation.edit(message, content)) ask(content);
});
composer.addEventListener("stop", () => conversation.stop());
picker.addEventListener("picked", (event) => picked(/** @type {CustomEvent} */ (event).detail));
root.querySelector("[data-open-picker]")?.addEventListener("click", (event) => {
  /** @type {HTMLElement} */ (event.currentTarget).closest("details").open = false;
  picker.open("#");
});
conversation.addEventListener("accepted", () => refreshLimits());
conversation.addEventListener("retry", (event) => ask(/** @type {CustomEvent} */ (event).detail));
conversation.addEventListener("widen", (event) => {
  scope.chooseAll();
  ask(/** @type {CustomEvent} */ (event).detail);
});
conversation.addEventListener("grown", () => follower.toEnd());
conversation.addEventListener("running", (event) => showRunning(/** @type {CustomEvent} */ (event).detail));
conversation.addEventListener("title", (event) => showTitle(/** @type {CustomEvent} */ (event).detail));
conversation.addEventListener("begun", (event) => {
  const begun = /** @type {CustomEvent} */ (event).detail;
  root.dataset.conversation = begun.id;
  composer.keepDraftFor(begun.id);
  history.replaceState(null, "", begun.url);
  assistants.settle();
  scope.settle(begun.id);
  if (!isTemporary) addConversation(begun);
  // What has begun is what it is.
  document.querySelector("[data-temporary-switch]")?.remove();
  addConversationMenu(begun.id);
  showTitle({ conversation: begun.id, title: begun.title });
  showRunning(conversation.isRunning);
  if (tray) tray.dataset.uploadUrl = tray.dataset.uploadUrl.replace(NO_ID, begun.id);
});
person.addEventListener("frame", (event) => {
  const frame = /** @type {CustomEvent} */ (event).detail;
  if (frame.type === "title" || frame.type === "renamed") showTitle(frame);
  if (frame.type === "gone" && frame.conversations.includes(root.dataset.conversation)) showGone(true);
  if (frame.type === "back" && frame.conversations.includes(root.dataset.conversation)) showGone(false);
});
document.addEventListener("renamed", (event) => showTitle(/** @type {CustomEvent} */ (event).detail));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || event.defaultPrevented || !composer.answering) return;
  if (document.querySelector("dialog:modal")) return;
  conversation.stop();
});
for (const sample of root.querySelectorAll("[data-sample]")) {
  sample.addEventListener("click", () => ask(sample.textContent.trim()));
}

opensDialog(document.querySelector("[data-rename]"), "rename");
sharesInDialog(document.querySelector("[data-share]"));
document.querySelector("[data-delete-conversation]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.currentTarget);
  if (!isTemporary) {
    deleteConversations([root.dataset.conversation]);
    return;
  }
  // There is no way back: nothing of it is kept.
  const sure = await confirmed({
    title: sentence("delete_conversation"),
    detail: sentence("delete_conversation_detail"),
    action: sentence("delete"),
  });
  if (sure) form.submit();
});

if (uploads) {
  // A file belongs to a conversation: the first one begins it.
  uploads.prepare = () => conversation.begin();
  receiveFiles(root.querySelector("[data-file-input]"), (files) => uploads.add(files));
  new PasteOffer(form, (file) => uploads.add([file]));
}

/** @param {string} content */
function ask(content) {
  if (conversation.isRunning) return;
  // Nothing is lost where nothing can be asked: it waits in the field.
  if (composer.blocked) {
    composer.fill(content);
    return;
  }
  /** @type {HTMLElement | null} */ (root.querySelector("[data-greeting]"))?.remove();
  const { names } = scope;
  const searching = names ? sentence("searching_collections", { names }) : sentence("searching");
  const stage = assistants.isOpen ? sentence("writing") : searching;
  conversation.ask({
    content,
    scope: () => (assistants.isOpen ? {} : scope.asked),
    isNarrowed: scope.isChosen && !assistants.isOpen,
    stage,
    after: Promise.all([uploads?.sent(), scope.saved()]),
  });
}

/**
 * @param {string} kind of what somebody wants to pick
 * @returns {string} why that cannot be here, or the empty string
 */
function whyNot(kind) {
  if (kind === "assistants" && !assistants.canChoose) return sentence("assistant_is_settled");
  return kind === "places" && assistants.isOpen ? sentence("nothing_is_searched") : "";
}

/** @param {import("./picker.js").Offer & {start: number}} offer */
function picked({ start, ...offer }) {
  if (offer.kind === "prompt") gaps.open(start);
  else if (offer.kind === "assistant") assistants.choose(offer.id);
  else scope.pick(offer);
}

/** @param {string} id of the conversation that has just begun; until now the menu's addresses held none */
function addConversationMenu(id) {
  for (const form of document.querySelectorAll("[data-delete-conversation], [data-rename-form]")) {
    form.setAttribute("action", form.getAttribute("action").replace(NO_ID, id));
  }
  for (const item of document.querySelectorAll("[data-of-conversation]")) {
    const name = item.localName === "form" ? "action" : "href";
    item.setAttribute(name, item.getAttribute(name).replace(NO_ID, id));
  }
  /** @type {HTMLElement} */ (document.querySelector("[data-conversation-menu]")).hidden = false;
}

/** @param {boolean} running */
function showRunning(running) {
  const wasRunning = composer.answering;
  composer.answering = running;
  if (wasRunning && !running) refreshLimits();
  followUps.follow(running ? "" : conversation.lastAnswer);
  if (root.dataset.conversation) markRunning(root.dataset.conversation, running);
}

/** @param {boolean} isGone the conversation on this page, deleted here or elsewhere, or brought back */
function showGone(isGone) {
  /** @type {HTMLElement} */ (root.querySelector("[data-conversation-gone]")).hidden = !isGone;
  /** @type {HTMLElement} */ (root.querySelector("[data-composer]")).hidden = isGone;
}

/** @param {{conversation: string, title: string}} named */
function showTitle({ conversation: id, title }) {
  renameConversation(id, title);
  if (id !== root.dataset.conversation) return;
  const heading = document.querySelector("[data-conversation-title]");
  document.title = document.title.replace(heading.textContent, title);
  heading.textContent = title;
  /** @type {HTMLInputElement} */ (document.querySelector("[data-rename-form] [name=title]")).value = title;
}

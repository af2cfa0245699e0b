/** The page of one document: its state as it changes, and a question before it is deleted. */

import { confirmed } from "./dialogs.js";
import { showState, statusWords } from "./document_row.js";
import { renewSoon } from "./live.js";
import { person } from "./person.js";
import { sentence } from "./strings.js";

const ENDS = new Set(["ready", "failed", "cancelled"]);
const id = /** @type {HTMLElement} */ (document.querySelector("main[data-document]")).dataset.document;

person.addEventListener("frame", (event) => {
  const frame = /** @type {CustomEvent} */ (event).detail;
  if (frame.type !== "document" || frame.document !== id) return;
  const { status, progress } = frame;
  const element = /** @type {HTMLElement} */ (document.querySelector('[data-live="state"]'));
  showState(element, { status, words: statusWords(status), progress, isUnfinished: !ENDS.has(status) });
  renewSoon();
});
// What happened while the connection was lost was not told: the server's page knows it.
let connectedBefore = false;
person.addEventListener("open", () => {
  if (connectedBefore) renewSoon();
  connectedBefore = true;
});

const form = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-delete-form]"));
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const sure = await confirmed({
    title: sentence("delete_document", { title: form.dataset.title }),
    detail: sentence("delete_document_detail"),
    action: sentence("delete"),
  });
  if (!sure) return;
  const yes = document.createElement("input");
  Object.assign(yes, { type: "hidden", name: "confirmed", value: "true" });
  form.append(yes);
  // Not `requestSubmit`, which would ask again.
  form.submit();
});

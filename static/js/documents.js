/** The documents page: uploads, live progress, finding, and changing several documents at once. */

import { announce } from "./announcer.js";
import { confirmed, opensDialog } from "./dialogs.js";
import { receiveFiles } from "./dropzone.js";
import { onRenewed, renewSoon, submitInPlace } from "./live.js";
import { person } from "./person.js";
import { sentence } from "./strings.js";
import { Uploads } from "./uploads.js";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-uploads]"));
const select = /** @type {HTMLSelectElement | null} */ (root.querySelector("[data-collection-select]"));
const list = /** @type {HTMLElement} */ (root.querySelector("[data-document-list]"));
const bulk = /** @type {HTMLFormElement | null} */ (root.querySelector("[data-bulk]"));
const find = /** @type {HTMLFormElement | null} */ (root.querySelector("[data-find]"));
const uploads = new Uploads(root, () => select?.value ?? "");

opensDialog(document.querySelector("[data-new-collection]"), "new-collection");
if (select) {
  receiveFiles(root.querySelector("[data-file-input]"), (files) => {
    uploads.add(files, select.selectedOptions[0]?.textContent);
  });
}
addEventListener("beforeunload", (event) => {
  if (uploads.isSending) event.preventDefault();
});

// --- What happens elsewhere ---------------------------------------------------------------------------------

uploads.onNews = renewSoon;
onRenewed((fresh) => {
  uploads.renew(fresh.querySelector("[data-document-list]"));
  offerToPickAll();
  count();
});
// What happened while the connection was lost was not told: the server's page knows it.
let connectedBefore = false;
person.addEventListener("open", () => {
  if (connectedBefore) renewSoon();
  connectedBefore = true;
});
new MutationObserver(() => {
  /** @type {HTMLElement} */ (root.querySelector("[data-nothing]")).hidden = list.children.length > 0;
}).observe(list, { childList: true });

// --- Finding ------------------------------------------------------------------------------------------------

if (find) {
  // What is chosen is asked for at once, and Enter sends what is typed.
  /** @type {HTMLElement} */ (find.querySelector("[data-find-button]")).hidden = true;
  find.addEventListener("change", (event) => {
    if (/** @type {Element} */ (event.target).localName === "select") find.requestSubmit();
  });
  // An address holds what was chosen and no more.
  find.addEventListener("formdata", ({ formData }) => {
    for (const [name, value] of [...formData]) if (!value) formData.delete(name);
  });
}

// --- Several at once ----------------------------------------------------------------------------------------

/** @returns {HTMLInputElement[]} the boxes of the documents that may be changed */
function boxes() {
  return [.../** @type {NodeListOf<HTMLInputElement>} */ (list.querySelectorAll("[data-pick]:enabled"))];
}

/** @returns {HTMLInputElement[]} */
function chosen() {
  return boxes().filter((box) => box.checked);
}

/** @returns {HTMLInputElement | null} */
function pickAll() {
  return root.querySelector("[data-pick-all]");
}

function offerToPickAll() {
  const label = /** @type {HTMLElement | null} */ (root.querySelector("[data-pick-all-label]"));
  if (label) label.hidden = !boxes().length;
}

function count() {
  const all = boxes();
  const number = chosen().length;
  if (bulk) bulk.querySelector("[data-bulk-count]").textContent = number ? sentence("chosen", { count: number }) : "";
  const box = pickAll();
  if (!box) return;
  box.checked = all.length > 0 && number === all.length;
  box.indeterminate = number > 0 && number < all.length;
}

root.addEventListener("change", ({ target }) => {
  if (target === pickAll()) for (const box of boxes()) box.checked = /** @type {HTMLInputElement} */ (target).checked;
  if (/** @type {Element} */ (target).matches("[data-pick], [data-pick-all]")) count();
});

if (bulk) {
  const clear = /** @type {HTMLElement} */ (bulk.querySelector("[data-bulk-clear]"));
  clear.hidden = false;
  clear.addEventListener("click", () => {
    for (const box of boxes()) box.checked = false;
    count();
    pickAll()?.focus();
  });
}
root.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!("inPlace" in form.dataset)) return;
  event.preventDefault();
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
  const isDeletion = form === bulk && button?.value === "delete";
  if (isDeletion && !(await agreed())) return;
  // The form may be replaced by what comes back; the focus must not go down with it.
  list.closest("main").focus({ preventScroll: true });
  uploads.giveBack(chosen().map((box) => box.value));
  try {
    await submitInPlace(form, button, isDeletion ? { confirmed: "true" } : {});
  } catch {
    announce(sentence("action_failed"));
    location.reload();
  }
});

/** @returns {Promise<boolean>} whether the chosen documents are to be deleted */
function agreed() {
  const picked = chosen();
  const title = picked[0]?.closest("[data-document]").querySelector("[data-title]").textContent;
  return confirmed({
    title:
      picked.length === 1
        ? sentence("delete_document", { title })
        : sentence("delete_documents", { count: picked.length }),
    detail: sentence(picked.length === 1 ? "delete_document_detail" : "delete_documents_detail"),
    action: sentence("delete"),
  });
}

offerToPickAll();
count();

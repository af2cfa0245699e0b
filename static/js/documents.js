/** The documents page: uploads, live progress, and one collection at a time. */

import { opensDialog } from "./dialogs.js";
import { receiveFiles } from "./dropzone.js";
import { person } from "./person.js";
import { Uploads } from "./uploads.js";

const root = /** @type {HTMLElement} */ (document.querySelector("[data-uploads]"));
const select = /** @type {HTMLSelectElement | null} */ (root.querySelector("[data-collection-select]"));
const list = /** @type {HTMLElement} */ (root.querySelector("[data-document-list]"));
const filters = /** @type {HTMLElement | null} */ (root.querySelector("[data-filters]"));
const uploads = new Uploads(root, () => select?.value ?? "");
let shown = "";

opensDialog(document.querySelector("[data-new-collection]"), "new-collection");
if (select) {
  receiveFiles(root.querySelector("[data-file-input]"), (files) => {
    if (shown && shown !== select.value) show(select.value);
    uploads.add(files, select.selectedOptions[0]?.textContent);
  });
}

if (filters) {
  filters.hidden = false;
  filters.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-filter]"));
    if (button) show(button.dataset.filter);
  });
}
new MutationObserver(recount).observe(list, { childList: true, subtree: true, attributeFilter: ["data-document"] });

// What happened while the connection was lost was not told: the server's page knows it.
let connectedBefore = false;
person.addEventListener("open", () => {
  if (connectedBefore && uploads.isUnfinished && !uploads.isSending) location.reload();
  connectedBefore = true;
});

/** @param {string} collection id; empty for all */
function show(collection) {
  shown = collection;
  if (collection && select) select.value = collection;
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (filters.querySelectorAll("[data-filter]"))) {
    button.setAttribute("aria-pressed", String(button.dataset.filter === collection));
  }
  recount();
}

/** Shows the rows of the chosen collection and brings the counts up to date. */
function recount() {
  const rows = /** @type {HTMLElement[]} */ ([...list.children]);
  const stored = rows.filter((row) => row.dataset.document);
  for (const row of rows) row.hidden = Boolean(shown) && row.dataset.collection !== shown;
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-filter]"))) {
    const count = button.querySelector("[data-count]");
    const inside = stored.filter((row) => row.dataset.collection === button.dataset.filter);
    if (count) count.textContent = String(inside.length);
  }
  /** @type {HTMLElement} */ (root.querySelector("[data-nothing]")).hidden = rows.some((row) => !row.hidden);
}

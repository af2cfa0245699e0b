/** The page of feedback: what stands there has been seen. What is marked as new stays so until the next visit. */

import { csrfHeader } from "./requests.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-feedback-list]"));
if (list.querySelector("[data-new]")) {
  // Nothing is lost if it fails: it is new the next time, too.
  fetch(list.dataset.seenUrl, { method: "POST", headers: { ...csrfHeader, Accept: "application/json" } }).catch(() => {});
}

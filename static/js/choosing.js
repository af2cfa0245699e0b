/** Many conversations at once: a range by Shift, all by one box or Ctrl+A, and what is done with them. */

import { archiveConversations, deleteConversations } from "./deeds.js";
import { sentence } from "./strings.js";

const form = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-choosing]"));
/** @type {HTMLInputElement | null} the box that was ticked last, where a range begins */
let anchor = null;

for (const one of document.querySelectorAll("[data-without-scripts]")) one.remove();
if (form) choose(form);

// What was deleted here is back: the page shows it where it stood.
document.addEventListener("conversations-back", () => location.reload());

/** @param {HTMLFormElement} form */
function choose(form) {
  const all = /** @type {HTMLInputElement} */ (form.querySelector("[data-choose-all]"));
  for (const hidden of form.querySelectorAll("[data-needs-scripts]")) /** @type {HTMLElement} */ (hidden).hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    show();
  });
  form.addEventListener("click", (event) => {
    const box = /** @type {Element} */ (event.target).closest('input[name="conversations"]');
    if (box) tick(/** @type {HTMLInputElement} */ (box), event.shiftKey);
  });
  form.addEventListener("keydown", (event) => {
    const box = /** @type {Element} */ (event.target).closest('input[name="conversations"]');
    if (box) pressed(event, /** @type {HTMLInputElement} */ (box));
  });
  form.addEventListener("submit", (event) => send(/** @type {SubmitEvent} */ (event)));
  // Those that the browser kept ticked.
  show();

  function boxes() {
    return /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[name="conversations"]')]);
  }

  function chosen() {
    return boxes().filter((box) => box.checked);
  }

  /**
   * @param {HTMLInputElement} box
   * @param {boolean} isRange whether all between it and the one before become what it is
   */
  function tick(box, isRange) {
    const some = boxes();
    if (isRange && anchor) {
      const [from, to] = [some.indexOf(anchor), some.indexOf(box)].sort((one, other) => one - other);
      for (const between of some.slice(from, to + 1)) between.checked = box.checked;
    }
    anchor = box;
    show();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLInputElement} box
   */
  function pressed(event, box) {
    const some = boxes();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = some[some.indexOf(box) + step];
      next?.focus();
      if (next && event.shiftKey) {
        next.checked = box.checked = true;
        anchor = next;
        show();
      }
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      for (const one of some) one.checked = true;
      show();
    } else if (event.key === "Delete" && chosen().length) {
      doWith("delete");
    } else if (event.key === "Escape" && chosen().length) {
      for (const one of some) one.checked = false;
      show();
    } else return;
    event.preventDefault();
  }

  function show() {
    const count = chosen().length;
    form.querySelector("[data-chosen-count]").textContent = count ? sentence("chosen", { count }) : "";
    for (const button of form.querySelectorAll("button[name=action]")) /** @type {HTMLButtonElement} */ (button).disabled = !count;
    all.checked = Boolean(count) && count === boxes().length;
    all.indeterminate = Boolean(count) && !all.checked;
  }

  /** @param {SubmitEvent} event */
  function send(event) {
    const action = /** @type {HTMLButtonElement} */ (event.submitter)?.value;
    // A file is the browser's own to keep.
    if (action === "export") return;
    event.preventDefault();
    doWith(action);
  }

  /** @param {string} action */
  async function doWith(action) {
    const ids = chosen().map((box) => box.value);
    const done = await (action === "archive" ? archiveConversations(ids) : deleteConversations(ids));
    for (const id of done) form.querySelector(`[data-row="${CSS.escape(id)}"]`).remove();
    show();
    if (!boxes().length) location.reload();
    else if (done.length) boxes()[0].focus();
  }
}

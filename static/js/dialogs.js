/** Modal questions. The browser's own `<dialog>` keeps the focus inside and gives it back. */

/**
 * @param {{title: string, detail: string, action: string}} words
 * @returns {Promise<boolean>} whether the person confirmed
 */
export function confirmed({ title, detail, action }) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("confirm"));
  dialog.querySelector("[data-title]").textContent = title;
  dialog.querySelector("[data-detail]").textContent = detail;
  dialog.querySelector("[data-confirm]").textContent = action;
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "confirm"), { once: true });
  });
}

/**
 * Makes `button` open the dialog `id`, whose form is sent the ordinary way.
 *
 * @param {HTMLElement | null} button
 * @param {string} id
 */
export function opensDialog(button, id) {
  if (!button) return;
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById(id));
  button.hidden = false;
  button.addEventListener("click", () => {
    dialog.showModal();
    dialog.querySelector("input:not([type=hidden])").select();
  });
  dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
}

/** @returns {() => void} what shows the list of shortcuts, or puts it away */
export function listsShortcuts() {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("shortcuts"));
  const button = /** @type {HTMLElement} */ (document.querySelector("[data-lists-shortcuts]"));
  button.hidden = false;
  button.addEventListener("click", () => {
    const menu = button.closest("details");
    menu.open = false;
    // Where the focus comes back to: the button itself is out of sight by then.
    menu.querySelector("summary").focus();
    dialog.showModal();
  });
  return () => {
    if (dialog.open) dialog.close();
    else if (!document.querySelector("dialog:modal")) dialog.showModal();
  };
}

/** Settings pages: shows which one is open, asks before what cannot be undone, copies what is shown once. */

import { announce } from "./announcer.js";
import { confirmed } from "./dialogs.js";
import { sentence } from "./strings.js";

// Where there is little room the list of pages scrolls sideways.
document.querySelector(".settings-pages [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// For forms that come later too: a page that renews itself must not forget to ask.
document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches("form[data-confirm]")) return;
  event.preventDefault();
  const { confirm, confirmDetail, confirmAction } = form.dataset;
  // Not `requestSubmit`, which would ask again.
  if (await confirmed({ title: confirm, detail: confirmDetail, action: confirmAction })) form.submit();
});

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-copies]"))) {
  const field = /** @type {HTMLInputElement} */ (document.getElementById(button.dataset.copies));
  button.hidden = !navigator.clipboard;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.dataset.done = "";
    announce(sentence("copied"));
  });
}

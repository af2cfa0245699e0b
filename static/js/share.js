/** Who reads a conversation: the page that says and changes it, in a dialog of the chat. */

import { announce } from "./announcer.js";
import { serverDocument } from "./html.js";
import { RequestRefused, postForm } from "./requests.js";
import { sentence } from "./strings.js";

/** @param {ParentNode} root whose links to shared conversations get a button that copies them */
export function copyLinks(root) {
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (root.querySelectorAll("[data-copy-link]"))) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const link = /** @type {HTMLInputElement} */ (button.parentElement.querySelector("input"));
      link.select();
      try {
        await navigator.clipboard.writeText(link.value);
        button.textContent = sentence("copied");
        announce(sentence("copied"));
      } catch {
        // Selected, it is copied with the keyboard.
      }
    });
  }
}

/** @param {HTMLAnchorElement | null} item of the menu; without scripts it leads to the page */
export function sharesInDialog(item) {
  if (!item) return;
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("share"));
  const body = /** @type {HTMLElement} */ (dialog.querySelector("[data-share-body]"));
  item.addEventListener("click", async (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    item.closest("details").open = false;
    if (await load(item.href, body)) dialog.showModal();
    else location.assign(item.href);
  });
  dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
  body.addEventListener("submit", (event) => {
    event.preventDefault();
    send(/** @type {HTMLFormElement} */ (event.target), item.href, body);
  });
}

/**
 * @param {string} url of the page
 * @param {HTMLElement} body what shows its content
 */
async function load(url, body) {
  try {
    const response = await fetch(url, { headers: { Accept: "text/html" } });
    const content = response.ok && serverDocument(await response.text()).querySelector("[data-sharing]");
    if (!content) return false;
    body.replaceChildren(document.adoptNode(content));
    copyLinks(body);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {string} url of the page
 * @param {HTMLElement} body
 */
async function send(form, url, body) {
  try {
    await postForm(form);
    await load(url, body);
  } catch (error) {
    const words = (error instanceof RequestRefused && error.message) || sentence("action_failed");
    const notice = document.createElement("p");
    notice.className = "notice error";
    notice.setAttribute("role", "alert");
    notice.textContent = words;
    body.querySelector(".notice")?.remove();
    form.prepend(notice);
  }
}

/** What the keyboard shortcuts do in a chat. */

import { announce } from "./announcer.js";
import { onShortcut } from "./shortcuts.js";
import { sentence } from "./strings.js";

/**
 * @param {HTMLElement} root of the chat
 * @param {import("./composer.js").Composer} composer
 */
export function offerChatShortcuts(root, composer) {
  const last = (/** @type {string} */ selector) =>
    /** @type {HTMLElement | undefined} */ ([...root.querySelectorAll(selector)].at(-1));
  onShortcut("composer", () => composer.focus());
  onShortcut("copy-answer", () => {
    const button = last("[data-actions]:not([hidden]) [data-copy]:not([hidden])");
    if (button) button.click();
    else announce(sentence("nothing_to_copy"));
  });
  onShortcut("copy-code", async () => {
    const code = last(".answer-body pre");
    const button = /** @type {HTMLElement | undefined} */ (code?.closest("[data-frame]")?.querySelector("[data-copy-code]"));
    if (!code) return announce(sentence("nothing_to_copy"));
    if (button) return button.click();
    await navigator.clipboard.writeText(code.textContent);
    announce(sentence("copied"));
  });
}

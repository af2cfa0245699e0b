/** The assistant that a new chat begins with: what it is for, what it suggests to ask, and what it searches. */

import { announce } from "./announcer.js";
import { sentence } from "./strings.js";

export class Assistants {
  #root;
  #select;
  #scope;

  /**
   * @param {HTMLElement} root the chat page
   * @param {import("./scope.js").Scope} scope which follows the choice
   */
  constructor(root, scope) {
    this.#root = root;
    this.#scope = scope;
    this.#select = /** @type {HTMLSelectElement | null} */ (root.querySelector("[data-assistant]"));
    this.#select?.addEventListener("change", () => this.#chosen());
    if (this.#select) this.#show();
  }

  /** @returns {object} what the new conversation is to begin with */
  get choice() {
    return this.#select?.value ? { persona: this.#select.value } : {};
  }

  /** @returns {boolean} whether the chat has not begun, and there is one to choose */
  get canChoose() {
    return this.#select !== null;
  }

  /** @param {string} slug of the assistant that answers from now on */
  choose(slug) {
    if (![...this.#select.options].some((one) => one.value === slug)) return;
    this.#select.value = slug;
    this.#chosen();
    announce(sentence("assistant_chosen", { name: this.#option.textContent.trim() }));
  }

  /** @returns {boolean} whether the documents are left alone */
  get isOpen() {
    return this.#root.dataset.mode === "open";
  }

  /** The conversation has begun: the choice stands in its header now. */
  settle() {
    if (!this.#select) return;
    const header = /** @type {HTMLElement} */ (document.querySelector("[data-conversation-assistant]"));
    header.textContent = this.#select.value ? this.#option.textContent.trim() : "";
    header.hidden = !this.#select.value;
    this.#select.closest("label").remove();
    this.#select = null;
  }

  #chosen() {
    const address = new URL(location.href);
    if (this.#select.value) address.searchParams.set("persona", this.#select.value);
    else address.searchParams.delete("persona");
    history.replaceState(null, "", address);
    this.#show();
  }

  get #option() {
    return this.#select.selectedOptions[0];
  }

  #show() {
    const { about = "", mode = "grounded", collections = "" } = this.#option.dataset;
    this.#root.dataset.mode = mode;
    this.#scope.follow(`new:${this.#select.value}`, collections.split(" ").filter(Boolean));
    this.#scope.hidden = this.isOpen;
    const field = /** @type {HTMLTextAreaElement} */ (this.#root.querySelector("[data-field]"));
    field.placeholder = this.isOpen ? field.dataset.placeholderOpen : field.dataset.placeholderGrounded;
    this.#greet(about, mode);
  }

  /**
   * @param {string} about what the assistant is for
   * @param {string} mode
   */
  #greet(about, mode) {
    const description = /** @type {HTMLElement | null} */ (this.#root.querySelector("[data-assistant-about]"));
    if (!description) return;
    description.textContent = about;
    description.hidden = !about;
    const lists = this.#all("[data-samples-of]");
    const has = lists.some((list) => list.dataset.samplesOf === this.#select.value);
    for (const list of lists) list.hidden = list.dataset.samplesOf !== (has ? this.#select.value : "");
    for (const heading of this.#all("[data-greets]")) heading.hidden = heading.dataset.greets !== mode;
    for (const known of this.#all("[data-knows]")) known.hidden = this.isOpen;
  }

  /**
   * @param {string} selector
   * @returns {HTMLElement[]}
   */
  #all(selector) {
    return /** @type {HTMLElement[]} */ ([...this.#root.querySelectorAll(selector)]);
  }
}

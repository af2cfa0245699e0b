/** A long text that is pasted may rather be a file: it is put in as text, and offered as an attachment. */

import { announce } from "./announcer.js";
import { figure } from "./locale.js";
import { sentence } from "./strings.js";

/** Characters; what is longer is offered as a file. */
const LONG = 2000;

export class PasteOffer {
  #field;
  #root;
  #attach;
  #isPlain = false;
  /** @type {{whole: string, shown: string} | null} what was pasted, and what of it the field took */
  #pasted = null;
  #number = 0;

  /**
   * @param {HTMLFormElement} form
   * @param {(file: File) => void} attach
   */
  constructor(form, attach) {
    this.#attach = attach;
    this.#field = /** @type {HTMLTextAreaElement} */ (form.querySelector("[data-field]"));
    this.#root = /** @type {HTMLElement} */ (form.querySelector("[data-paste-offer]"));
    this.#field.addEventListener("keydown", (event) => {
      // The keys for pasting without any ado.
      this.#isPlain = event.shiftKey && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "v";
    });
    this.#field.addEventListener("keyup", () => {
      this.#isPlain = false;
    });
    this.#field.addEventListener("paste", (event) => this.#paste(event));
    this.#field.addEventListener("input", () => this.#look());
    this.#root.querySelector("[data-paste-attach]").addEventListener("click", () => this.#asFile());
    this.#root.querySelector("[data-paste-keep]").addEventListener("click", () => this.#close());
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const whole = event.clipboardData.getData("text/plain");
    const isPlain = this.#isPlain;
    this.#isPlain = false;
    if (isPlain || event.clipboardData.files.length || length(whole) <= LONG) return;
    const { selectionStart: start, selectionEnd, value } = this.#field;
    const rest = value.length - (selectionEnd - start);
    const took = () => this.#offer(whole, this.#field.value.slice(start, start + this.#field.value.length - rest));
    this.#field.addEventListener("input", took, { once: true });
  }

  /**
   * @param {string} whole
   * @param {string} shown
   */
  #offer(whole, shown) {
    this.#pasted = { whole, shown };
    const words = sentence("pasted_long", { count: figure(length(whole)) });
    this.#root.querySelector("[data-paste-words]").textContent = words;
    this.#root.hidden = false;
    announce(words);
  }

  /** Changed or sent, it is no longer what was pasted. */
  #look() {
    if (this.#pasted && !this.#field.value.includes(this.#pasted.shown)) this.#close();
  }

  #asFile() {
    const { whole, shown } = this.#pasted;
    const start = this.#field.value.indexOf(shown);
    this.#pasted = null;
    this.#field.setRangeText("", start, start + shown.length, "end");
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
    this.#number += 1;
    const name = sentence(this.#number > 1 ? "pasted_file_number" : "pasted_file", { number: this.#number });
    this.#attach(new File([whole], `${name}.txt`, { type: "text/plain" }));
    this.#close();
  }

  #close() {
    const hadFocus = this.#root.contains(document.activeElement);
    this.#pasted = null;
    this.#root.hidden = true;
    if (hadFocus) this.#field.focus();
  }
}

/** @param {string} text @returns {number} in characters as people count them, not in those of JavaScript */
function length(text) {
  return text.length > LONG ? [...text].length : text.length;
}

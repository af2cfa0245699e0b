/** The gaps of a saved prompt, `{{name}}`: one after the other is selected until whoever writes has filled them. */

import { announce } from "./announcer.js";
import { sentence } from "./strings.js";

const GAP = /\{\{\s*([^{}\n]+?)\s*\}\}/g;

export class Gaps {
  #field;
  #hint;
  #isOpen = false;
  /** Whether sending was held up already: who sends again means it as it stands. */
  #wasHeld = false;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#field = /** @type {HTMLTextAreaElement} */ (form.querySelector("[data-field]"));
    this.#hint = /** @type {HTMLElement} */ (form.querySelector("[data-gap-hint]"));
    this.#field.addEventListener("input", () => {
      this.#wasHeld = false;
      this.#look();
    });
    form.addEventListener("keydown", (event) => this.#pressed(event), { capture: true });
  }

  /** A prompt was filled in: its first gap is next. @param {number} start where it begins */
  open(start) {
    this.#isOpen = true;
    this.#wasHeld = false;
    this.#go(this.#all().find((gap) => gap.start >= start));
  }

  /** @returns {boolean} whether a question is better not sent yet, for a gap is left, which is now selected */
  hold() {
    const [first] = this.#isOpen ? this.#all() : [];
    if (!first || this.#wasHeld) {
      this.#isOpen = false;
      this.#look();
      return false;
    }
    this.#go(first);
    this.#wasHeld = true;
    return true;
  }

  #all() {
    return [...this.#field.value.matchAll(GAP)].map((match) => {
      return { start: match.index, end: match.index + match[0].length, name: match[1] };
    });
  }

  /** @param {{start: number, end: number, name: string} | undefined} gap */
  #go(gap) {
    this.#look();
    if (!gap) return;
    this.#field.focus();
    this.#field.setSelectionRange(gap.start, gap.end);
    announce(sentence("fill_gap", { name: gap.name }));
  }

  #look() {
    const gaps = this.#isOpen ? this.#all() : [];
    if (!gaps.length) this.#isOpen = false;
    this.#hint.hidden = !gaps.length;
    this.#hint.textContent = sentence("gaps_left", { names: gaps.map(({ name }) => name).join(", ") });
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (!this.#isOpen || event.key !== "Tab" || event.defaultPrevented || event.target !== this.#field) return;
    const gaps = this.#all();
    const { selectionStart, selectionEnd } = this.#field;
    const next = event.shiftKey
      ? gaps.findLast((gap) => gap.end <= selectionStart)
      : (gaps.find((gap) => gap.start >= selectionEnd) ?? gaps.find((gap) => gap.start !== selectionStart));
    if (!next) return;
    event.preventDefault();
    this.#go(next);
  }
}

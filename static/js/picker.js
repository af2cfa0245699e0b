/**
 * What may be picked while typing: `#` a collection or a document, `/` at the beginning a saved prompt, `@` an assistant.
 *
 * The list is the field's, which keeps the focus: arrows move in it, Tab and Enter accept, Escape closes. The field is
 * no `combobox`, for that role is not allowed to one of several lines; what the pattern says of the listbox and of
 * `aria-activedescendant` holds for it too.
 *
 * Event: `picked` (`detail` is the offer, as the server described it).
 */

import { announce } from "./announcer.js";
import { fragment } from "./fragments.js";
import { getJSON } from "./requests.js";
import { sentence } from "./strings.js";

/** Between two keys of somebody who types; the server is asked when they pause. */
const PAUSE_MS = 80;
const TRIGGERS = [
  { kind: "prompts", pattern: /^\/((?!\s)[^\n]{0,60})$/ },
  { kind: "places", pattern: /(?:^|\s)#((?!\s)[^\n#]{0,60})$/ },
  { kind: "assistants", pattern: /(?:^|\s)@((?!\s)[^\n@]{0,60})$/ },
];

/**
 * @typedef {{kind: string, start: number, end: number, query: string}} Token the sign and what is typed after it
 * @typedef {{kind: string, id: string, name: string, about: string, text?: string}} Offer
 */

export class Picker extends EventTarget {
  #form;
  #field;
  #root;
  #list;
  #note;
  #refusal;
  /** @type {Token | null} what the list is of */
  #token = null;
  /** @type {Offer[]} */
  #offers = [];
  #active = 0;
  /** Where a sign stands whose list was closed by hand. */
  #dismissed = -1;
  /** @type {Token | null} what nothing was found for */
  #barren = null;
  #timer = 0;
  /** Whose answer is awaited; 0 for none. */
  #asked = 0;
  #counter = 0;
  /** The key that was pressed before the list was there. */
  #early = "";

  /**
   * @param {HTMLFormElement} form
   * @param {(kind: string) => string} refusal why nothing of a kind can be picked here, or the empty string
   */
  constructor(form, refusal) {
    super();
    this.#form = form;
    this.#refusal = refusal;
    this.#field = /** @type {HTMLTextAreaElement} */ (form.querySelector("[data-field]"));
    this.#root = /** @type {HTMLElement} */ (form.querySelector("[data-picker]"));
    this.#list = /** @type {HTMLElement} */ (this.#root.querySelector("[role=listbox]"));
    this.#note = /** @type {HTMLElement} */ (this.#root.querySelector("[data-picker-note]"));
    this.#field.addEventListener("input", (event) => {
      if (/** @type {InputEvent} */ (event).isComposing) this.#close();
      else this.#look();
    });
    this.#field.addEventListener("compositionend", () => this.#look());
    this.#field.addEventListener("blur", () => this.#close());
    document.addEventListener("selectionchange", () => this.#token && this.#look());
    // Before the field's own keys: Enter accepts here, and sends there.
    form.addEventListener("keydown", (event) => this.#pressed(event), { capture: true });
    this.#root.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const option = /** @type {HTMLElement} */ (event.target).closest("[role=option]");
      if (option) this.#accept([...this.#list.children].indexOf(option));
    });
  }

  /** Types a sign for whoever found the button rather than the key. @param {string} sign */
  open(sign) {
    const { value } = this.#field;
    this.#field.focus();
    this.#field.setRangeText(`${value && !/\s$/.test(value) ? " " : ""}${sign}`, value.length, value.length, "end");
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** @returns {Token | null} what the caret stands in */
  #read() {
    const { selectionStart, selectionEnd, value } = this.#field;
    if (selectionStart !== selectionEnd || document.activeElement !== this.#field) return null;
    const before = value.slice(0, selectionStart);
    for (const { kind, pattern } of TRIGGERS) {
      const query = before.match(pattern)?.[1];
      if (query !== undefined) return { kind, start: selectionStart - query.length - 1, end: selectionStart, query };
    }
    return null;
  }

  #look() {
    const token = this.#read();
    if (token?.start !== this.#dismissed) this.#dismissed = -1;
    if (!token || token.start === this.#dismissed || this.#isBarren(token)) return this.#close();
    if (this.#token?.query === token.query && this.#token.start === token.start) return undefined;
    this.#token = token;
    clearTimeout(this.#timer);
    this.#asked = 0;
    const refusal = this.#refusal(token.kind);
    if (refusal) return this.#say(refusal);
    this.#asked = ++this.#counter;
    // The first time at once: whoever types a sign looks for its list.
    this.#timer = setTimeout(() => this.#ask(token, this.#counter), token.query ? PAUSE_MS : 0);
    return undefined;
  }

  /** Words that nothing was found for find nothing when more are added. @param {Token} token */
  #isBarren({ kind, start, query }) {
    const barren = this.#barren;
    return barren?.kind === kind && barren.start === start && query.startsWith(barren.query) && query !== barren.query;
  }

  /**
   * @param {Token} token
   * @param {number} number
   */
  async #ask(token, number) {
    const words = new URLSearchParams({ kind: token.kind, q: token.query });
    const found = await getJSON(`${this.#root.dataset.url}?${words}`).catch(() => null);
    if (number !== this.#asked) return;
    this.#asked = 0;
    const early = this.#early;
    this.#early = "";
    if (found?.results.length) {
      this.#show(found.results);
      if (early) this.#accept(0);
      return;
    }
    if (found) this.#barren = token;
    if (/\s/.test(token.query) || early) this.#close();
    else this.#say(sentence(found ? `no_${token.kind}` : "action_failed"));
    if (early === "Enter") this.#form.requestSubmit();
  }

  /** @param {Offer[]} offers */
  #show(offers) {
    this.#offers = offers;
    this.#list.replaceChildren(...offers.map((offer, place) => option(offer, place)));
    this.#list.setAttribute("aria-label", sentence(`pick_${this.#token.kind}`));
    this.#list.hidden = false;
    this.#note.hidden = true;
    this.#root.hidden = false;
    this.#mark(0);
    announce(sentence("picker_found", { count: offers.length }));
  }

  /** @param {string} words in the place of a list */
  #say(words) {
    this.#offers = [];
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#field.removeAttribute("aria-activedescendant");
    this.#note.textContent = words;
    this.#note.hidden = false;
    this.#root.hidden = false;
    announce(words);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#token = null;
    this.#asked = 0;
    this.#early = "";
    this.#offers = [];
    this.#root.hidden = true;
    this.#list.replaceChildren();
    this.#field.removeAttribute("aria-activedescendant");
  }

  /** @param {number} place */
  #mark(place) {
    this.#active = (place + this.#offers.length) % this.#offers.length;
    for (const [number, one] of [...this.#list.children].entries()) {
      one.setAttribute("aria-selected", String(number === this.#active));
    }
    const active = this.#list.children[this.#active];
    active.scrollIntoView({ block: "nearest" });
    this.#field.setAttribute("aria-activedescendant", active.id);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.target !== this.#field || event.isComposing || event.shiftKey || event.ctrlKey || event.metaKey) return;
    if (!this.#token) return;
    const { key } = event;
    if (key === "Escape") {
      this.#dismissed = this.#token.start;
      this.#close();
    } else if (key === "Tab" || key === "Enter") {
      if (this.#offers.length && !this.#asked) this.#accept(this.#active);
      else if (this.#asked) this.#early = key;
      else return;
    } else if (this.#offers.length && (key === "ArrowDown" || key === "ArrowUp")) {
      this.#mark(this.#active + (key === "ArrowDown" ? 1 : -1));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} place of the offer that takes the place of what was typed */
  #accept(place) {
    const offer = this.#offers[place];
    const { start, end } = this.#token;
    this.#close();
    const after = this.#field.value.slice(end);
    const isBetween = !offer.text && (start === 0 || /\s$/.test(this.#field.value.slice(0, start))) && /^ /.test(after);
    this.#field.setRangeText(offer.text ?? "", start, isBetween ? end + 1 : end, "end");
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
    this.#field.focus();
    this.dispatchEvent(new CustomEvent("picked", { detail: { ...offer, start } }));
  }
}

/**
 * @param {Offer} offer
 * @param {number} place
 */
function option({ kind, name, about }, place) {
  const element = fragment("picker-option");
  element.id = `picker-option-${place}`;
  element.dataset.kind = kind;
  element.querySelector("[data-name]").textContent = name;
  element.querySelector("[data-about]").textContent = about;
  return element;
}

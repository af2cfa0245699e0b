/**
 * What a question searches: a chip for each collection, or for each document, removable with one click.
 *
 * A chat remembers it on the server; before it has begun, the tab does.
 */

import { announce } from "./announcer.js";
import { fragment, NO_ID } from "./fragments.js";
import { postJSON } from "./requests.js";
import { sentence } from "./strings.js";

/** With more collections than this, one chip speaks for all of them. */
const CHIPS_FOR_ALL = 4;

/**
 * @typedef {{collections: string[], documents: string[]}} Choice as the server keeps it; neither is what is usual
 * @typedef {{kind: string, id: string, name: string}} Place a collection or a document
 */

export class Scope {
  #root;
  #boxes;
  /** @type {Map<string, string>} titles by id: while there are any, they alone are searched */
  #documents = new Map();
  /** @type {string[]} ids of what the assistant searches by itself; empty means everything */
  #usual = [];
  /** Where the tab remembers the choice, and where the server does once the chat has begun. */
  #key = "";
  #url = "";
  /** @type {string | null} the choice that the server has, as JSON; null where that cannot be said */
  #kept = null;
  #sent = "";
  /** @type {Promise<void> | null} */
  #saving = null;

  /**
   * @param {HTMLElement} root
   * @param {string} conversation its id; empty where it has not begun
   */
  constructor(root, conversation) {
    this.#root = root;
    this.#boxes = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("input[type=checkbox]")]);
    root.addEventListener("change", () => {
      this.#documents.clear();
      this.#changed();
    });
    this.#everything?.addEventListener("click", () => this.chooseAll());
    if (conversation) this.#take(conversation);
    else this.follow("new:", []);
  }

  /** Shows what the server says of a chat that has begun. @param {string} conversation */
  #take(conversation) {
    const said = this.#said();
    this.#usual = this.#known(said.usual);
    const chosen = this.#known(said.collections);
    this.#documents = new Map(said.documents.map(({ id, name }) => [id, name]));
    const shown = chosen.length ? chosen : this.#usual;
    this.#check((id) => !this.#documents.size && (!shown.length || shown.includes(id)));
    this.#draw();
    this.#kept = said.isWhole ? JSON.stringify(this.#choice) : null;
    this.#url = this.#root.dataset.scopeUrl.replace(NO_ID, conversation);
  }

  /**
   * Takes up what was chosen in a new chat under this name, else the address's document, else an assistant's.
   *
   * @param {string} name
   * @param {string[]} usual ids of what the assistant searches; empty means everything
   */
  follow(name, usual) {
    this.#key = `scope:${name}`;
    this.#usual = this.#known(usual);
    const { documents } = this.#said();
    const kept = documents.length ? { documents } : JSON.parse(sessionStorage.getItem(this.#key) ?? "{}");
    this.#documents = new Map((kept.documents ?? []).map((/** @type {Place} */ one) => [one.id, one.name]));
    const shown = this.#known(kept.collections ?? this.#usual);
    this.#check((id) => !this.#documents.size && (!shown.length || shown.includes(id)));
    this.#draw();
  }

  /** @param {boolean} hidden whether nothing is searched at all */
  set hidden(hidden) {
    this.#root.hidden = hidden;
  }

  /** What a chat that begins now is to search. @returns {Choice} */
  begin() {
    this.#sent = JSON.stringify(this.#choice);
    return this.#choice;
  }

  /** It has begun: from here on the server remembers. @param {string} conversation */
  settle(conversation) {
    sessionStorage.removeItem(this.#key);
    this.#kept = this.#sent;
    this.#url = this.#root.dataset.scopeUrl.replace(NO_ID, conversation);
    this.#save();
  }

  /** @returns {Promise<void>} settled once the server knows the choice, or cannot be told */
  async saved() {
    await this.#saving;
  }

  /** @returns {Partial<Choice>} what a question has to say for itself: nothing, where the server knows it */
  get asked() {
    if (JSON.stringify(this.#choice) === this.#kept) return {};
    if (this.#documents.size) return { documents: [...this.#documents.keys()] };
    return { collections: this.#chosen().map((box) => box.value) };
  }

  /** @returns {boolean} whether anything that may be seen is left out */
  get isNarrowed() {
    return this.#documents.size > 0 || !this.#isAll();
  }

  /** @returns {boolean} whether somebody chose what is searched, rather than the assistant or nobody */
  get isChosen() {
    return this.#documents.size > 0 || this.#choice.collections.length > 0;
  }

  /** @returns {string} what is searched in words, empty when there is nothing to choose */
  get names() {
    if (this.#documents.size) return [...this.#documents.values()].join(", ");
    if (this.#isAll() && this.#boxes.length > CHIPS_FOR_ALL) return "";
    return this.#chosen().map((box) => box.dataset.name).join(", ");
  }

  chooseAll() {
    this.#documents.clear();
    this.#check(() => true);
    this.#changed();
    announce(sentence("everything_searched"));
  }

  /**
   * Narrows the search to what was picked, beside what was picked before. Documents and collections take turns: a
   * search among both would find only what is in both.
   *
   * @param {Place} place
   */
  pick({ kind, id, name }) {
    if (kind === "document") {
      this.#check(() => false);
      this.#documents.set(id, name);
    } else {
      const chosen = this.isNarrowed ? this.#chosen().map((box) => box.value) : [];
      this.#documents.clear();
      this.#meet(id, name);
      this.#check((one) => one === id || chosen.includes(one));
    }
    this.#changed();
    announce(sentence("searched_now", { names: this.names }));
  }

  /** A collection may be younger than the page. @param {string} id @param {string} name */
  #meet(id, name) {
    if (this.#boxes.some((box) => box.value === id)) return;
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: id, hidden: true });
    box.dataset.name = name;
    this.#boxes.push(box);
  }

  /** @returns {{usual: string[], collections: string[], documents: Place[], isWhole: boolean}} */
  #said() {
    const { usual = "", collections = "", isWhole } = this.#root.dataset;
    const documents = JSON.parse(this.#root.querySelector("[data-scope-documents]").textContent) ?? [];
    const ids = (/** @type {string} */ list) => list.split(" ").filter(Boolean);
    return { usual: ids(usual), collections: ids(collections), documents, isWhole: isWhole !== "no" };
  }

  /** @param {string[]} ids @returns {string[]} those that are in sight */
  #known(ids) {
    return ids.filter((id) => this.#boxes.some((box) => box.value === id));
  }

  /** @param {(id: string) => boolean} isChosen */
  #check(isChosen) {
    for (const box of this.#boxes) box.checked = isChosen(box.value);
  }

  #chosen() {
    return this.#boxes.filter((box) => box.checked);
  }

  #isAll() {
    return this.#boxes.every((box) => box.checked);
  }

  /** @returns {Choice} */
  get #choice() {
    if (this.#documents.size) return { collections: [], documents: [...this.#documents.keys()] };
    const chosen = this.#chosen().map((box) => box.value);
    const usual = this.#usual.length ? this.#usual : this.#boxes.map((box) => box.value);
    const isUsual = chosen.length === usual.length && chosen.every((id) => usual.includes(id));
    return { collections: isUsual ? [] : chosen, documents: [] };
  }

  #changed() {
    // Searching nothing is never meant: taking away the last one means all again.
    if (this.#boxes.length && !this.#chosen().length && !this.#documents.size) return this.chooseAll();
    this.#draw();
    return this.#save();
  }

  #save() {
    if (!this.#url) {
      const documents = [...this.#documents].map(([id, name]) => ({ id, name }));
      const kept = documents.length ? { documents } : { collections: this.#chosen().map((box) => box.value) };
      sessionStorage.setItem(this.#key, JSON.stringify(kept));
      return;
    }
    this.#saving ??= this.#tell().finally(() => {
      this.#saving = null;
    });
  }

  async #tell() {
    try {
      for (let choice = JSON.stringify(this.#choice); choice !== this.#kept; choice = JSON.stringify(this.#choice)) {
        await postJSON(this.#url, JSON.parse(choice));
        this.#kept = choice;
      }
    } catch {
      // Without a connection each question says for itself what it searches.
    }
  }

  #draw() {
    const list = /** @type {HTMLElement} */ (this.#root.querySelector("[data-scope-chips]"));
    const place = [...list.children].findIndex((chip) => chip.contains(document.activeElement));
    list.replaceChildren(...this.#chips());
    if (place >= 0) this.#refocus(list, place);
    if (this.#everything) this.#everything.hidden = !this.isNarrowed;
  }

  /** @returns {HTMLElement | null} the button for all of it; none where there is no collection */
  get #everything() {
    return this.#root.querySelector("[data-scope-everything]");
  }

  /** @returns {HTMLElement[]} */
  #chips() {
    const documents = [...this.#documents].map(([id, name]) => this.#chip(name, () => this.#documents.delete(id)));
    if (documents.length) return documents;
    if (this.#isAll() && this.#boxes.length > CHIPS_FOR_ALL) {
      return [this.#chip(sentence("all_collections", { count: this.#boxes.length }))];
    }
    const isOnly = this.#boxes.length === 1;
    return this.#chosen().map((box) => {
      return this.#chip(box.dataset.name, isOnly ? undefined : () => (box.checked = false));
    });
  }

  /**
   * Whoever takes chips away by keyboard goes on at the next one, or at the field.
   *
   * @param {HTMLElement} list
   * @param {number} place of the chip that is gone
   */
  #refocus(list, place) {
    const buttons = /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[data-remove]"));
    const field = /** @type {HTMLElement} */ (this.#root.closest("form").querySelector("[data-field]"));
    (buttons[Math.min(place, buttons.length - 1)] ?? field).focus();
  }

  /**
   * @param {string} name
   * @param {() => unknown} [leave] takes it out of the choice; without it the chip stays
   */
  #chip(name, leave) {
    const chip = fragment("scope-chip");
    chip.querySelector("[data-name]").textContent = name;
    const remove = /** @type {HTMLButtonElement} */ (chip.querySelector("[data-remove]"));
    if (leave) {
      remove.setAttribute("aria-label", sentence("remove_from_search", { name }));
      remove.addEventListener("click", () => {
        leave();
        this.#changed();
      });
    } else remove.remove();
    return chip;
  }
}

/** Which collections a question searches: a chip for each, removable with one click. */

import { fragment } from "./fragments.js";
import { sentence } from "./strings.js";

/** With more collections than this, one chip speaks for all of them. */
const CHIPS_FOR_ALL = 4;

export class Scope {
  #root;
  #boxes;
  #key;
  /** @type {string[] | null} what the server searches when nothing is said; null is everything */
  #default = null;

  /**
   * @param {HTMLElement} root
   * @param {string} name of the conversation that the choice belongs to
   */
  constructor(root, name) {
    this.#root = root;
    this.#boxes = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("input[type=checkbox]")]);
    root.addEventListener("change", () => this.#changed());
    this.follow(name, root.dataset.collections?.split(" ").filter(Boolean) ?? []);
  }

  /**
   * Takes up what was chosen under this name, else an assistant's collections.
   *
   * @param {string} name
   * @param {string[]} usual ids of what the server searches when nothing is said; empty means everything
   */
  follow(name, usual) {
    this.#key = `scope:${name}`;
    const known = usual.filter((id) => this.#boxes.some((box) => box.value === id));
    this.#default = known.length ? known : null;
    const kept = JSON.parse(sessionStorage.getItem(this.#key) ?? "null") ?? this.#default;
    for (const box of this.#boxes) box.checked = !kept || kept.includes(box.value);
    this.#changed();
  }

  /** @param {boolean} hidden whether nothing is searched at all */
  set hidden(hidden) {
    this.#root.hidden = hidden;
  }

  /** @returns {string[] | undefined} ids of the chosen collections; undefined means what the server searches anyhow */
  get collections() {
    const chosen = this.#chosen().map((box) => box.value);
    if (!this.#default) return this.#isAll() ? undefined : chosen;
    const isDefault = chosen.length === this.#default.length && chosen.every((id) => this.#default.includes(id));
    return isDefault ? undefined : chosen;
  }

  /** @returns {string} the chosen collections in words, empty when there is nothing to choose */
  get names() {
    if (this.#isAll() && this.#boxes.length > CHIPS_FOR_ALL) return "";
    return this.#chosen().map((box) => box.dataset.name).join(", ");
  }

  chooseAll() {
    for (const box of this.#boxes) box.checked = true;
    this.#changed();
  }

  #chosen() {
    return this.#boxes.filter((box) => box.checked);
  }

  #isAll() {
    return this.#boxes.every((box) => box.checked);
  }

  #changed() {
    // Searching nothing is never meant: taking away the last one means all again.
    if (this.#boxes.length && !this.#chosen().length) return this.chooseAll();
    sessionStorage.setItem(this.#key, JSON.stringify(this.#chosen().map((box) => box.value)));
    const single = this.#isAll() && this.#boxes.length > CHIPS_FOR_ALL;
    const chips = single
      ? [this.#chip(sentence("all_collections", { count: this.#boxes.length }))]
      : this.#chosen().map((box) => this.#chip(box.dataset.name, box));
    return this.#root.querySelector("[data-scope-chips]").replaceChildren(...chips);
  }

  /**
   * @param {string} name
   * @param {HTMLInputElement} [box] the collection's checkbox; without one the chip cannot be removed
   */
  #chip(name, box) {
    const chip = fragment("scope-chip");
    chip.querySelector("[data-name]").textContent = name;
    const remove = /** @type {HTMLButtonElement} */ (chip.querySelector("[data-remove]"));
    if (box && this.#boxes.length > 1) {
      remove.setAttribute("aria-label", sentence("remove_from_search", { name }));
      remove.addEventListener("click", () => {
        box.checked = false;
        this.#changed();
      });
    } else remove.remove();
    return chip;
  }
}

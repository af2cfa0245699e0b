/** What screen readers hear of an answer: all of it at its end or, for whom that is too late, each sentence. */

import { announce, announceMore } from "./announcer.js";
import { sentence } from "./strings.js";

export class Aloud {
  #body;
  #bySentences = document.documentElement.dataset.announcing === "sentences";
  /** How many sentences have been said. */
  #said = 0;

  /** @param {HTMLElement} body of the answer */
  constructor(body) {
    this.#body = body;
  }

  begin() {
    this.#said = 0;
    announce(sentence("answer_started"));
  }

  /** Something was added: what has become whole by it is said. */
  grown() {
    if (this.#bySentences) this.#say(this.#sentences().slice(0, -1));
  }

  ready() {
    if (!this.#bySentences) return announce(`${sentence("answer_ready")} ${this.#body.textContent.trim()}`);
    this.#say(this.#sentences());
    announceMore(sentence("answer_ready"));
  }

  /** @param {string} how it ended, where that is not well */
  ended(how) {
    if (this.#bySentences) announceMore(how);
    else announce(how);
  }

  /** @param {string[]} whole */
  #say(whole) {
    for (const one of whole.slice(this.#said)) announceMore(one);
    this.#said = Math.max(this.#said, whole.length);
  }

  /** @returns {string[]} of all that is shown; a block ends its last one */
  #sentences() {
    const cut = new Intl.Segmenter(document.documentElement.lang, { granularity: "sentence" });
    const texts = [...this.#body.children].flatMap((block) => [...cut.segment(block.textContent)]);
    return texts.map(({ segment }) => segment.trim()).filter(Boolean);
  }
}

/** What a model thought before it answered, folded away, with the time it took. */

import { sentence } from "./strings.js";

export class Thinking {
  #box;
  #since = 0;

  /** @param {Element} answer */
  constructor(answer) {
    this.#box = /** @type {HTMLElement} */ (answer.querySelector("[data-thinking]"));
  }

  /**
   * @param {number} offset where the text begins, in code points: a resumed stream tells it again
   * @param {string} text
   */
  tell(offset, text) {
    this.#since ||= performance.now();
    this.#box.hidden = false;
    this.#box.querySelector("[data-thinking-label]").textContent = sentence("thinking");
    const thought = this.#box.querySelector("[data-thinking-text]");
    thought.textContent = Array.from(thought.textContent).slice(0, offset).join("") + text;
  }

  /** The first words of the answer are here. */
  end() {
    if (!this.#since) return;
    const seconds = Math.max(1, Math.round((performance.now() - this.#since) / 1000));
    this.#box.querySelector("[data-thinking-label]").textContent = sentence("thought", { seconds });
  }
}

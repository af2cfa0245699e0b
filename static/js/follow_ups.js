/** What may be asked next, under the last answer: it fills the field, and is gone when something else is asked. */

import { fragment } from "./fragments.js";
import { getJSON } from "./requests.js";

export class FollowUps {
  #root;
  #drawn;
  /** The answer that they are of; empty for none. */
  #of = "";

  /**
   * @param {HTMLElement} root
   * @param {(question: string) => void} fill
   * @param {() => void} drawn called when the page has become longer or shorter by them
   */
  constructor(root, fill, drawn) {
    this.#root = root;
    this.#drawn = drawn;
    this.#of = root.dataset.followUpsOf;
    root.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("[data-follow-up]");
      if (button) fill(button.textContent.trim());
    });
  }

  /** @param {string} answer the last one's id; empty while one is written, and where it is not known */
  async follow(answer) {
    if (answer === this.#of) return;
    this.#of = answer;
    this.#draw([]);
    if (!answer) return;
    const found = await getJSON(`${this.#root.dataset.url}?answer=${answer}`).catch(() => null);
    if (found && answer === this.#of) this.#draw(found.questions);
  }

  /** @param {string[]} questions */
  #draw(questions) {
    const items = questions.map((question) => {
      const item = fragment("follow-up");
      item.querySelector("[data-follow-up]").textContent = question;
      return item;
    });
    this.#root.querySelector("ul").replaceChildren(...items);
    const wasHidden = this.#root.hidden;
    this.#root.hidden = !items.length;
    if (!wasHidden || items.length) this.#drawn();
  }
}

/** What a model thought before it answered, folded away, with the time it took; fetched when it is opened later. */

import { NO_ID } from "./fragments.js";
import { getJSON, RequestRefused } from "./requests.js";
import { sentence } from "./strings.js";

/** Within so many pixels of their end the thoughts are followed while they come. */
const NEAR = 32;

export class Thinking {
  #answer;
  #box;
  #words;
  #since = 0;
  /** How much of the words was told, in code points. */
  #length = 0;
  #isLoaded = false;

  /** @param {HTMLElement} answer */
  constructor(answer) {
    this.#answer = answer;
    this.#box = /** @type {HTMLDetailsElement} */ (answer.querySelector("[data-thinking]"));
    this.#words = /** @type {HTMLElement} */ (this.#box.querySelector("[data-thinking-text]"));
    this.#box.addEventListener("toggle", () => this.#box.open && this.#load());
  }

  /**
   * @param {number} offset where the text begins, in code points: a resumed stream tells it again
   * @param {string} text
   */
  tell(offset, text) {
    if (!this.#since) this.#label(sentence("thinking"));
    this.#since ||= performance.now();
    this.#isLoaded = true;
    const isFollowed = this.#words.scrollHeight - this.#words.clientHeight - this.#words.scrollTop < NEAR;
    if (offset === this.#length) this.#words.append(text);
    else this.#words.textContent = Array.from(this.#words.textContent).slice(0, offset).join("") + text;
    this.#length = offset + Array.from(text).length;
    if (isFollowed) this.#words.scrollTop = this.#words.scrollHeight;
  }

  /** The first words of the answer are here, or none will come. */
  end() {
    if (this.#since) this.#took((performance.now() - this.#since) / 1000);
  }

  /** @param {number | undefined} seconds that the server has counted, once the answer is over */
  settle(seconds) {
    if (seconds === undefined) this.end();
    else this.#took(seconds);
    this.#since = 0;
  }

  /** The answer is gone on with: what comes now is but a part of its thoughts. */
  reopen() {
    this.#length = 0;
    this.#isLoaded = false;
    this.#box.open = false;
    this.#words.textContent = "";
  }

  /** @param {number} seconds */
  #took(seconds) {
    this.#label(sentence("thought", { seconds: Math.max(1, Math.round(seconds)) }));
  }

  /** @param {string} text */
  #label(text) {
    this.#box.hidden = false;
    this.#box.querySelector("[data-thinking-label]").textContent = text;
  }

  async #load() {
    if (this.#isLoaded || !this.#answer.dataset.message) return;
    this.#isLoaded = true;
    this.#words.setAttribute("aria-busy", "true");
    try {
      const { text } = await getJSON(this.#box.dataset.url.replace(NO_ID, this.#answer.dataset.message));
      this.#words.textContent = text;
    } catch (error) {
      const isGone = error instanceof RequestRefused && error.status === 404;
      this.#words.textContent = sentence(isGone ? "thoughts_gone" : "action_failed");
      this.#isLoaded = isGone;
    } finally {
      this.#words.removeAttribute("aria-busy");
    }
  }
}

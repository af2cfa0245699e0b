/** Thumbs under an answer: sent at once, with a reason if one likes; changed and taken back in the same place. */

import { announce } from "./announcer.js";
import { NO_ID } from "./fragments.js";
import { postJSON } from "./requests.js";
import { sentence } from "./strings.js";

/**
 * Shows the thumbs of an answer that is over.
 *
 * @param {HTMLElement} answer
 */
export function offerFeedback(answer) {
  const thumbs = /** @type {HTMLElement | null} */ (answer.querySelector("[data-thumbs]"));
  if (!thumbs?.hidden || !answer.dataset.message) return;
  thumbs.hidden = false;
  new Feedback(answer, thumbs);
}

class Feedback {
  #answer;
  #thumbs;
  #form;
  #comment;
  #error;

  /**
   * @param {HTMLElement} answer
   * @param {HTMLElement} thumbs
   */
  constructor(answer, thumbs) {
    this.#answer = answer;
    this.#thumbs = thumbs;
    this.#form = /** @type {HTMLFormElement} */ (answer.querySelector("[data-feedback-form]"));
    this.#comment = /** @type {HTMLTextAreaElement} */ (this.#form.querySelector("[data-comment]"));
    this.#error = /** @type {HTMLElement} */ (this.#form.querySelector("[data-feedback-error]"));
    const kept = answer.querySelector('[data-json="feedback"]');
    this.#show(kept ? JSON.parse(kept.textContent) : null);
    for (const button of this.#buttons) button.addEventListener("click", () => this.#rate(button));
    this.#form.addEventListener("submit", (event) => this.#explain(event));
    this.#form.querySelector("[data-feedback-close]").addEventListener("click", () => this.#close());
    this.#form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.#close();
    });
  }

  get #buttons() {
    return /** @type {HTMLButtonElement[]} */ ([...this.#thumbs.querySelectorAll("[data-rate]")]);
  }

  get #pressed() {
    return this.#buttons.find((button) => button.getAttribute("aria-pressed") === "true");
  }

  /** @param {HTMLButtonElement} button pressed once more, it takes the rating back */
  async #rate(button) {
    const isBack = button === this.#pressed;
    const rating = isBack ? null : button.dataset.rate;
    const saved = await this.#send(rating, isBack ? "" : this.#comment.value);
    this.#form.hidden = saved && isBack;
  }

  /** @param {SubmitEvent} event */
  async #explain(event) {
    event.preventDefault();
    const pressed = this.#pressed;
    if (pressed && (await this.#send(pressed.dataset.rate, this.#comment.value))) this.#close();
  }

  #close() {
    this.#form.hidden = true;
    (this.#pressed ?? this.#buttons[0]).focus();
  }

  /**
   * @param {string | null} rating
   * @param {string} comment
   * @returns {Promise<boolean>} whether the server has it now
   */
  async #send(rating, comment) {
    const url = this.#thumbs.dataset.url.replace(NO_ID, this.#answer.dataset.message);
    this.#error.hidden = true;
    try {
      const { feedback } = await postJSON(url, rating ? { rating, comment } : { rating });
      this.#show(feedback);
      announce(sentence(feedback ? "feedback_given" : "feedback_withdrawn"));
      return true;
    } catch (error) {
      this.#error.textContent = /** @type {Error} */ (error).message || sentence("action_failed");
      this.#error.hidden = false;
      this.#form.hidden = false;
      announce(this.#error.textContent);
      return false;
    }
  }

  /** @param {{rating: string, comment: string} | null} feedback as the server has it */
  #show(feedback) {
    for (const button of this.#buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.rate === feedback?.rating));
    }
    this.#comment.value = feedback?.comment ?? "";
  }
}

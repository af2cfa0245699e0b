/** Puts a question otherwise, in its place on the page. */

import { fragment } from "./fragments.js";

/**
 * @param {HTMLElement} question
 * @param {(content: string) => void} ask called with the new words
 */
export function editQuestion(question, ask) {
  const text = /** @type {HTMLElement} */ (question.querySelector("[data-text]"));
  const actions = /** @type {HTMLElement} */ (question.querySelector("[data-question-actions]"));
  const form = fragment("question-edit-form");
  const field = /** @type {HTMLTextAreaElement} */ (form.querySelector("[data-edit-field]"));
  const close = () => {
    form.remove();
    text.hidden = actions.hidden = false;
    /** @type {HTMLElement} */ (question.querySelector("[data-edit]")).focus();
  };
  field.value = text.textContent;
  text.hidden = actions.hidden = true;
  question.append(form);
  field.focus();
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      /** @type {HTMLFormElement} */ (form).requestSubmit();
    }
  });
  form.querySelector("[data-edit-cancel]").addEventListener("click", close);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const content = field.value.trim();
    if (!content) return;
    close();
    ask(content);
  });
}

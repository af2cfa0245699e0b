/**
 * The field for the question.
 *
 * Events: `ask` (`detail` is the question's text) and `stop`. A draft is kept per conversation for as long as the tab
 * lives: long enough for reloads, not left behind on a shared machine.
 */

export class Composer extends EventTarget {
  #form;
  #field;
  #send;
  #stop;
  #lastQuestion;
  #draftKey;

  /**
   * @param {HTMLFormElement} form
   * @param {() => string} lastQuestion what ArrowUp in the empty field recalls
   */
  constructor(form, lastQuestion) {
    super();
    this.#form = form;
    this.#field = /** @type {HTMLTextAreaElement} */ (form.querySelector("[data-field]"));
    this.#send = /** @type {HTMLButtonElement} */ (form.querySelector("[data-send]"));
    this.#stop = /** @type {HTMLButtonElement} */ (form.querySelector("[data-stop]"));
    this.#lastQuestion = lastQuestion;
    this.keepDraftFor(form.dataset.conversation || location.pathname);
    this.#field.value ||= sessionStorage.getItem(this.#draftKey) ?? "";
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#pressed(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener("click", () => this.#requestStop());
    this.#changed();
  }

  /** @param {string} name of the conversation whose draft the field holds */
  keepDraftFor(name) {
    if (this.#draftKey) sessionStorage.removeItem(this.#draftKey);
    this.#draftKey = `draft:${name}`;
  }

  /** @param {boolean} answering whether the button stops instead of sending; typing stays possible */
  set answering(answering) {
    const hadFocus = [this.#send, this.#stop].includes(/** @type {any} */ (document.activeElement));
    this.#stop.hidden = !answering;
    this.#send.hidden = answering;
    this.#stop.disabled = false;
    if (hadFocus) this.focus();
  }

  get answering() {
    return !this.#stop.hidden;
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  /** @param {string} text */
  fill(text) {
    this.#field.value = text;
    this.#changed();
    this.focus();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing) return;
    const touch = matchMedia("(pointer: coarse)").matches;
    if (event.key === "Enter" && !event.shiftKey && !touch) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && !this.#field.value) {
      event.preventDefault();
      this.fill(this.#lastQuestion());
    }
  }

  #submit() {
    const content = this.#field.value.trim();
    if (!content || this.answering) return;
    this.#field.value = "";
    this.#changed();
    this.dispatchEvent(new CustomEvent("ask", { detail: content }));
  }

  #requestStop() {
    this.#stop.disabled = true;
    this.dispatchEvent(new Event("stop"));
  }

  #changed() {
    this.#send.disabled = !this.#field.value.trim();
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
    if (this.#field.value) sessionStorage.setItem(this.#draftKey, this.#field.value);
    else sessionStorage.removeItem(this.#draftKey);
  }
}

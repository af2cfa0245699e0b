/**
 * The field for the question.
 *
 * Events: `ask` (`detail` is the question's text), `edit` (`detail` is the message that is put otherwise, and how) and
 * `stop`. A draft is kept per conversation for as long as the tab lives: long enough for reloads, not left behind on a
 * shared machine.
 */

import { announce } from "./announcer.js";
import { sentence } from "./strings.js";

/** @typedef {{id: string, content: string}} Question without an id the server does not know it */

export class Composer extends EventTarget {
  #form;
  #field;
  #send;
  #stop;
  #editing;
  #lastQuestion;
  #draftKey;
  /** The message that the field puts otherwise; empty for a new question. */
  #edited = "";
  /** Why nothing can be asked now; empty where something can. */
  #blocked = "";

  /** @type {() => boolean} asked before anything is sent: whether it is better not sent yet */
  holds = () => false;

  /**
   * @param {HTMLFormElement} form
   * @param {() => Question} lastQuestion what ArrowUp in the empty field recalls
   */
  constructor(form, lastQuestion) {
    super();
    this.#form = form;
    this.#field = /** @type {HTMLTextAreaElement} */ (form.querySelector("[data-field]"));
    this.#send = /** @type {HTMLButtonElement} */ (form.querySelector("[data-send]"));
    this.#stop = /** @type {HTMLButtonElement} */ (form.querySelector("[data-stop]"));
    this.#editing = /** @type {HTMLElement} */ (form.querySelector("[data-editing]"));
    this.#lastQuestion = lastQuestion;
    this.keepDraftFor(form.dataset.conversation || location.pathname);
    this.#field.value ||= sessionStorage.getItem(this.#draftKey) ?? "";
    const edited = sessionStorage.getItem(`${this.#draftKey}:edits`);
    if (this.#field.value && edited && edited === lastQuestion().id) this.#edit(edited);
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#pressed(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener("click", () => this.#requestStop());
    this.#editing.querySelector("[data-edit-as-new]").addEventListener("click", () => {
      this.#edit("");
      this.#submit();
    });
    this.#editing.querySelector("[data-edit-leave]").addEventListener("click", () => this.fill(""));
    this.#changed();
  }

  /** @param {string} reason why nothing can be asked now; empty where something can. Writing stays possible. */
  set blocked(reason) {
    this.#blocked = reason;
    this.#changed();
  }

  get blocked() {
    return this.#blocked;
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

  /** @param {string} text a new question, to be sent or changed; what stood there comes back with Ctrl+Z */
  fill(text) {
    this.#edit("");
    this.#write(text);
  }

  /** @param {string} text */
  #write(text) {
    this.focus();
    this.#field.select();
    // The one way to write that the browser can undo.
    if (!document.execCommand(text ? "insertText" : "delete", false, text)) this.#field.value = text;
    this.#changed();
  }

  /** The last question comes back into the field: sent, it is asked anew in its place. */
  #recall() {
    const { id, content } = this.#lastQuestion();
    if (!content) return;
    this.#write(content);
    this.#edit(id);
    if (id) announce(sentence("editing_last"));
  }

  /** @param {string} message that the field puts otherwise from now on; empty for none */
  #edit(message) {
    this.#edited = message;
    this.#editing.hidden = !message;
    if (message) sessionStorage.setItem(`${this.#draftKey}:edits`, message);
    else sessionStorage.removeItem(`${this.#draftKey}:edits`);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing || event.defaultPrevented) return;
    const touch = matchMedia("(pointer: coarse)").matches;
    if (event.key === "Enter" && !event.shiftKey && !touch) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && !this.#field.value) {
      event.preventDefault();
      this.#recall();
    } else if (event.key === "Escape" && this.#edited) {
      event.preventDefault();
      this.fill("");
    }
  }

  #submit() {
    const content = this.#field.value.trim();
    if (!content || this.answering) return;
    if (this.#blocked) {
      announce(this.#blocked);
      return;
    }
    if (this.holds()) return;
    const message = this.#edited;
    this.#field.value = "";
    this.#changed();
    // Whoever listens for what is typed hears that the field is empty.
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
    if (message) this.dispatchEvent(new CustomEvent("edit", { detail: { message, content } }));
    else this.dispatchEvent(new CustomEvent("ask", { detail: content }));
  }

  #requestStop() {
    this.#stop.disabled = true;
    this.dispatchEvent(new Event("stop"));
  }

  #changed() {
    this.#send.disabled = Boolean(!this.#field.value.trim() || this.#blocked);
    if (!this.#field.value && this.#edited) this.#edit("");
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
    if (this.#field.value) sessionStorage.setItem(this.#draftKey, this.#field.value);
    else sessionStorage.removeItem(this.#draftKey);
  }
}

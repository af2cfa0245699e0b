/**
 * One document in a list: from the file in the browser, through upload and indexing, to ready or failed.
 *
 * @typedef {object} DocumentFrame as the person's socket sends it
 * @property {string} document
 * @property {string} status
 * @property {number} progress 0 to 1
 * @property {number | null} pages
 * @property {number | null} chunks
 * @property {{code: string, detail: string} | string | null} error
 */

import { confirmed } from "./dialogs.js";
import { fragment, NO_ID } from "./fragments.js";
import { postForm } from "./requests.js";
import { sentence } from "./strings.js";

const ENDS = new Set(["ready", "failed", "cancelled", "rejected", "duplicate"]);
const WORDS = { queued: "queued_document", failed: "failed_document" };

export class DocumentRow {
  /** @type {(() => void) | null} what the retry button does while the server does not know the document */
  #sendAgain = null;

  /** @param {HTMLElement} element rendered by the server, or a fresh copy of the same template */
  constructor(element) {
    this.element = element;
    this.#form("delete").addEventListener("submit", (event) => this.#delete(event));
    this.#form("retry").addEventListener("submit", (event) => this.#retry(event));
  }

  /**
   * @param {File} file
   * @param {{id?: string, name?: string}} collection
   */
  static of(file, collection) {
    const row = new DocumentRow(fragment("document-row"));
    row.element.dataset.collection = collection.id ?? "";
    row.#part("title").textContent = file.name;
    row.#part("collection-name").textContent = collection.name ?? "";
    row.#part("size").textContent = bytes(file.size);
    return row;
  }

  get id() {
    return this.element.dataset.document;
  }

  set id(id) {
    this.element.dataset.document = id;
    for (const form of [this.#form("delete"), this.#form("retry")]) {
      form.setAttribute("action", form.getAttribute("action").replace(NO_ID, id));
    }
    const { dataset } = this.#part("title");
    dataset.firstPage = dataset.firstPage.replace(NO_ID, id);
  }

  get isUnfinished() {
    return !ENDS.has(this.element.dataset.status);
  }

  /** @param {DocumentFrame} frame */
  show({ status, progress, pages, chunks, error }) {
    this.state(status, sentence(WORDS[status] ?? status), progress);
    if (pages) this.#part("pages").textContent = sentence("pages", { count: pages });
    if (chunks) this.#part("chunks").textContent = sentence("passages", { count: chunks });
    const title = this.#part("title");
    if (status === "ready" && !title.hasAttribute("href")) title.setAttribute("href", title.dataset.firstPage);
    this.fault(typeof error === "string" ? error : error?.detail);
    this.#form("retry").hidden = status !== "failed";
    this.#form("delete").hidden = !this.id;
  }

  /**
   * @param {string} status
   * @param {string} words
   * @param {number} [progress] 0 to 1; none means that the end is not in sight
   */
  state(status, words, progress) {
    this.element.dataset.status = status;
    this.#part("state").textContent = words;
    const bar = /** @type {HTMLProgressElement} */ (this.#part("progress"));
    bar.hidden = !this.isUnfinished;
    if (progress === undefined) bar.removeAttribute("value");
    else bar.value = progress;
  }

  /** @param {string} [reason] */
  fault(reason) {
    this.#part("error").textContent = reason ?? "";
    this.#part("error").hidden = !reason;
  }

  /** @param {(() => void) | null} cancel what the cross does; null takes it away */
  set onCancel(cancel) {
    const button = /** @type {HTMLButtonElement} */ (this.#part("cancel-upload"));
    button.hidden = !cancel;
    button.onclick = cancel;
  }

  /** @param {SubmitEvent} event */
  async #delete(event) {
    event.preventDefault();
    const title = this.#part("title").textContent;
    const sure = await confirmed({
      title: sentence("delete_document", { title }),
      detail: sentence("delete_document_detail"),
      action: sentence("delete"),
    });
    if (sure) await this.#send(this.#form("delete"), () => this.element.remove());
  }

  /** @param {(() => void) | null} sendAgain offered after an upload that broke */
  set onSendAgain(sendAgain) {
    this.#sendAgain = sendAgain;
    this.#form("retry").hidden = !sendAgain;
  }

  /** @param {SubmitEvent} event */
  async #retry(event) {
    event.preventDefault();
    this.#form("retry").hidden = true;
    this.fault();
    if (this.#sendAgain) {
      this.#sendAgain();
      return;
    }
    this.state("queued", sentence("queued_document"), 0);
    await this.#send(this.#form("retry"));
  }

  /**
   * @param {HTMLFormElement} form
   * @param {() => void} [done]
   */
  async #send(form, done) {
    try {
      await postForm(form);
      done?.();
    } catch (error) {
      this.fault(/** @type {Error} */ (error).message || sentence("action_failed"));
    }
  }

  /**
   * @param {string} name
   * @returns {HTMLElement}
   */
  #part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  /**
   * @param {"delete" | "retry"} name
   * @returns {HTMLFormElement}
   */
  #form(name) {
    return this.element.querySelector(`[data-${name}-form]`);
  }
}

/**
 * @param {number} count
 * @returns {string} such as "1.2 MB", in the page's language
 */
export function bytes(count) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(count, 1)) / Math.log(1024)));
  /** @type {Intl.NumberFormatOptions} */
  const format = { style: "unit", unit: units[power], unitDisplay: "short", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(document.documentElement.lang, format).format(count / 1024 ** power);
}

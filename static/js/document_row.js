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

import { announce } from "./announcer.js";
import { confirmed } from "./dialogs.js";
import { fragment, NO_ID } from "./fragments.js";
import { figure } from "./locale.js";
import { postForm } from "./requests.js";
import { sentence } from "./strings.js";

const ENDS = new Set(["ready", "failed", "cancelled", "rejected", "duplicate"]);
const STAGES = new Set(["extracting", "chunking", "embedding"]);
const WORDS = { queued: "queued_document", failed: "failed_document" };

/**
 * @param {string} status
 * @returns {string} in the page's language
 */
export function statusWords(status) {
  return sentence(WORDS[status] ?? status);
}

export class DocumentRow {
  /** @type {(() => void) | null} what the retry button does while the server does not know the document */
  #sendAgain = null;
  /** Whether its deletion is asked about or on its way. */
  #isGoing = false;

  /** @param {HTMLElement} element rendered by the server, or a fresh copy of the same template */
  constructor(element) {
    this.element = element;
    this.#form("delete").addEventListener("submit", (event) => this.#delete(event));
    this.#form("retry").addEventListener("submit", (event) => this.#retry(event));
    this.#form("cancel").addEventListener("submit", (event) => this.#cancel(event));
  }

  /**
   * @param {{name: string, size?: number}} file
   * @param {{id?: string, name?: string}} collection
   */
  static of(file, collection) {
    const row = new DocumentRow(fragment("document-row"));
    row.element.dataset.collection = collection.id ?? "";
    row.#part("title").textContent = file.name;
    row.#part("collection-name").textContent = collection.name ?? "";
    row.#part("size").textContent = file.size ? bytes(file.size) : "";
    return row;
  }

  get id() {
    return this.element.dataset.document;
  }

  set id(id) {
    this.element.dataset.document = id;
    for (const form of [this.#form("delete"), this.#form("retry"), this.#form("cancel")]) {
      form.setAttribute("action", form.getAttribute("action").replace(NO_ID, id));
    }
    this.details = id;
    const ask = this.#part("ask");
    ask?.setAttribute("href", ask.getAttribute("href").replace(NO_ID, id));
    const pick = /** @type {HTMLInputElement | null} */ (this.#part("pick"));
    if (pick) {
      pick.value = id;
      pick.disabled = false;
      pick.setAttribute("aria-label", sentence("choose_document", { title: this.title }));
    }
  }

  get title() {
    return this.#part("title").textContent;
  }

  /** @param {string} id of the document that the title leads to */
  set details(id) {
    const title = this.#part("title");
    title.setAttribute("href", title.dataset.details.replace(NO_ID, id));
  }

  get isUnfinished() {
    return !ENDS.has(this.element.dataset.status);
  }

  /** @returns {boolean} whether somebody is about to use it; the question whether to delete it has the focus itself */
  get isInUse() {
    return this.#isGoing || this.element.contains(document.activeElement);
  }

  /** @param {DocumentFrame} frame */
  show({ status, progress, pages, chunks, error }) {
    // A worker's last word may come after that of whoever stopped it; to begin anew it is queued first.
    if (this.element.dataset.status === "cancelled" && STAGES.has(status)) return;
    const wasUnfinished = this.isUnfinished;
    this.state(status, statusWords(status), progress);
    if (pages) this.#part("pages").textContent = sentence("pages", { count: pages });
    if (chunks) this.#part("chunks").textContent = sentence("passages", { count: chunks });
    this.fault(typeof error === "string" ? error : error?.detail);
    const mayChange = "mayChange" in this.element.dataset;
    this.#form("retry").hidden = !mayChange || !(status === "failed" || status === "cancelled");
    this.#form("cancel").hidden = !mayChange || !this.isUnfinished;
    this.#form("delete").hidden = !mayChange || !this.id;
    if (wasUnfinished && !this.isUnfinished) announce(`${this.title}: ${this.#part("state").textContent}`);
  }

  /**
   * @param {string} status
   * @param {string} words
   * @param {number} [progress] 0 to 1; none means that the end is not in sight
   */
  state(status, words, progress) {
    showState(this.element, { status, words, progress, isUnfinished: !ENDS.has(status) });
  }

  /** @param {string} [reason] */
  fault(reason) {
    this.#part("error").textContent = reason ?? "";
    this.#part("error").hidden = !reason;
  }

  /** @param {string} words said in the place of a fault, kindly */
  note(words) {
    this.fault(words);
    this.#part("error").dataset.kind = "note";
  }

  /** @param {string} name of a file inside the one that was sent */
  rename(name) {
    this.#part("title").textContent = name;
    this.#part("size").textContent = "";
  }

  get collectionName() {
    return this.#part("collection-name").textContent;
  }

  /** @returns {boolean} whether it is chosen for what is done to several */
  get isPicked() {
    return Boolean(/** @type {HTMLInputElement | null} */ (this.#part("pick"))?.checked);
  }

  set isPicked(isPicked) {
    const pick = /** @type {HTMLInputElement | null} */ (this.#part("pick"));
    if (pick) pick.checked = isPicked && !pick.disabled;
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
    this.#isGoing = true;
    const title = this.#part("title").textContent;
    const sure = await confirmed({
      title: sentence("delete_document", { title }),
      detail: sentence("delete_document_detail"),
      action: sentence("delete"),
    });
    if (sure) await this.#send(this.#form("delete"), () => this.element.remove());
    this.#isGoing = false;
  }

  /** @param {SubmitEvent} event */
  async #cancel(event) {
    event.preventDefault();
    await this.#send(this.#form("cancel"));
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
   * @param {"delete" | "retry" | "cancel"} name
   * @returns {HTMLFormElement}
   */
  #form(name) {
    return this.element.querySelector(`[data-${name}-form]`);
  }
}

/**
 * Words, bar and the time that is left, in a row and on the page of one document.
 *
 * @param {HTMLElement} element
 * @param {{status: string, words: string, progress?: number, isUnfinished: boolean}} state
 */
export function showState(element, { status, words, progress, isUnfinished }) {
  element.dataset.status = status;
  element.querySelector("[data-state]").textContent = words;
  const bar = /** @type {HTMLProgressElement} */ (element.querySelector("[data-progress]"));
  bar.hidden = !isUnfinished;
  if (progress === undefined) bar.removeAttribute("value");
  else bar.value = progress;
  element.querySelector("[data-eta]").textContent = STAGES.has(status) ? timeLeft(element, progress) : "";
  if (!STAGES.has(status)) delete element.dataset.started;
}

/**
 * @param {HTMLElement} element remembers when it began
 * @param {number} progress 0 to 1
 * @returns {string} about how long it still takes if it goes on as until now, empty where that cannot be told
 */
function timeLeft(element, progress) {
  element.dataset.started ||= String(Date.now());
  const seconds = ((Date.now() - Number(element.dataset.started)) / 1000) * (1 / progress - 1);
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 90) return sentence("seconds_left", { count: Math.max(1, Math.round(seconds)) });
  return sentence("minutes_left", { count: Math.round(seconds / 60) });
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
  return figure(count / 1024 ** power, format);
}

/** Uploads: each file its own request, two at a time, with progress, cancel, and refusals before anything is sent. */

import { announce } from "./announcer.js";
import { bytes, DocumentRow } from "./document_row.js";
import { person } from "./person.js";
import { csrfHeader } from "./requests.js";
import { sentence } from "./strings.js";

const AT_ONCE = 2;

export class Uploads {
  #root;
  #list;
  #collection;
  /** @type {(() => Promise<void>)[]} */
  #queue = [];
  #running = 0;
  /** @type {(() => void)[]} who waits until nothing is on its way */
  #idle = [];
  /** @type {Map<string, DocumentRow>} by document id */
  #rows = new Map();
  /** @type {Set<string>} documents that were added on this page, which shows them whatever else it shows */
  #own = new Set();
  /** @type {Map<string, import("./document_row.js").DocumentFrame>} news that overtook the answer to the upload */
  #early = new Map();

  /**
   * @param {HTMLElement} root carries the address and the limits
   * @param {() => string} collection id of the collection that files go to
   */
  constructor(root, collection) {
    this.#root = root;
    this.#list = /** @type {HTMLElement} */ (root.querySelector("[data-document-list]"));
    this.#collection = collection;
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll("[data-document]"))) {
      const row = new DocumentRow(element);
      this.#rows.set(row.id, row);
    }
    person.addEventListener("frame", (event) => {
      const frame = /** @type {CustomEvent} */ (event).detail;
      if (frame.type === "document") this.#report(frame);
    });
  }

  /** @type {(() => void) | null} called when the server knows something that no row shows */
  onNews = null;

  /** @returns {boolean} whether any document is still being worked on by the server */
  get isUnfinished() {
    return [...this.#rows.values()].some((row) => row.element.isConnected && row.isUnfinished);
  }

  /** @type {() => Promise<void>} what has to be there before anything is sent */
  prepare = async () => {};

  /** @returns {Promise<void>} settled once everything that is on its way has arrived, or will not */
  async sent() {
    if (this.#running) await new Promise((done) => this.#idle.push(() => done(undefined)));
  }

  /** @returns {boolean} whether leaving the page now would lose an upload */
  get isSending() {
    return this.#running > 0;
  }

  /**
   * @param {File[]} files
   * @param {string} [collectionName] shown in their rows
   */
  add(files, collectionName) {
    const id = this.#collection();
    for (const file of files) {
      const row = DocumentRow.of(file, { id, name: collectionName });
      this.#list.prepend(row.element);
      row.onCancel = () => row.element.remove();
      const reason = this.#refusal(file);
      if (reason) this.#reject(row, reason);
      else this.#enqueue(file, id, row);
    }
  }

  /**
   * @param {File} file
   * @param {string} collection
   * @param {DocumentRow} row
   */
  #enqueue(file, collection, row) {
    row.onSendAgain = null;
    row.state("waiting", sentence("waiting"), 0);
    this.#queue.push(() => this.#send(file, collection, row));
    this.#dispatch();
  }

  #dispatch() {
    while (this.#running < AT_ONCE && this.#queue.length) {
      this.#running += 1;
      this.#queue.shift()().finally(() => {
        this.#running -= 1;
        this.#dispatch();
        if (!this.#running) for (const done of this.#idle.splice(0)) done();
      });
    }
  }

  /**
   * @param {File} file
   * @returns {string} why the server would not take it, or the empty string
   */
  #refusal(file) {
    const { maxBytes, accept } = this.#root.dataset;
    const endings = (accept ?? "").split(",").map((ending) => ending.trim()).filter(Boolean);
    const isKnown = endings.some((ending) => file.name.toLowerCase().endsWith(ending));
    if (endings.length && !isKnown) return sentence("wrong_type", { accept: endings.join(", ") });
    if (!file.size) return sentence("empty_file");
    if (maxBytes && file.size > Number(maxBytes)) return sentence("too_large", { limit: bytes(Number(maxBytes)) });
    return "";
  }

  /**
   * `fetch` tells nothing of what has been sent, so this is the older request.
   *
   * @param {File} file
   * @param {string} collection
   * @param {DocumentRow} row
   * @returns {Promise<void>} settled when the server has answered or the person cancelled
   */
  async #send(file, collection, row) {
    if (!row.element.isConnected) return undefined;
    try {
      await this.prepare();
    } catch {
      return this.#broken(file, collection, row);
    }
    if (!row.element.isConnected) return undefined;
    const body = new FormData();
    body.append("files", file);
    if (collection) body.append("collection", collection);
    const request = new XMLHttpRequest();
    row.onCancel = () => {
      request.abort();
      row.element.remove();
    };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      row.state("uploading", sentence("uploading", { percent: Math.floor((loaded / total) * 100) }), loaded / total);
    });
    request.responseType = "json";
    request.open("POST", this.#root.dataset.uploadUrl);
    const headers = { ...csrfHeader, Accept: "application/json" };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    return new Promise((resolve) => {
      request.addEventListener("load", () => this.#answered(request, row, { file, collection }));
      request.addEventListener("error", () => this.#broken(file, collection, row));
      request.addEventListener("loadend", () => resolve(undefined));
      request.send(body);
    });
  }

  /**
   * @param {File} file
   * @param {string} collection
   * @param {DocumentRow} row
   */
  #broken(file, collection, row) {
    this.#reject(row, sentence("upload_failed"));
    row.onSendAgain = () => this.#enqueue(file, collection, row);
  }

  /**
   * An archive is answered with a result for each file in it: each gets a row in the place of the archive's.
   *
   * @param {XMLHttpRequest} request
   * @param {DocumentRow} row
   * @param {{file: File, collection: string}} sent
   */
  #answered({ status, response }, row, { file, collection }) {
    const results = response?.results ?? [];
    if (status >= 400 || !results.length) {
      this.#reject(row, response?.errors?.[0]?.detail ?? response?.detail ?? sentence("upload_failed"));
      if (status >= 500) row.onSendAgain = () => this.#enqueue(file, collection, row);
      return;
    }
    const place = { id: collection, name: row.collectionName };
    const others = results.slice(1).map((result) => ({ result, row: DocumentRow.of(result, place) }));
    row.element.after(...others.map((one) => one.row.element));
    if (others.length) row.rename(results[0].name);
    for (const one of [{ result: results[0], row }, ...others]) this.#settle(one.row, one.result);
  }

  /**
   * @param {DocumentRow} row
   * @param {{id: string | null, status: string, duplicate_of?: string, error?: {detail: string}}} result
   */
  #settle(row, { id, status, duplicate_of: twin, error }) {
    row.onCancel = null;
    if (status === "rejected") return this.#reject(row, error.detail);
    if (twin) {
      row.state("duplicate", sentence("duplicate"));
      row.note(sentence("duplicate_detail"));
      row.details = twin;
      row.onCancel = () => row.element.remove();
      return;
    }
    row.id = id;
    this.#rows.set(id, row);
    this.#own.add(id);
    const begun = { document: id, status, progress: 0, pages: null, chunks: null, error: null };
    row.show(this.#early.get(id) ?? begun);
    this.#early.delete(id);
  }

  /**
   * @param {DocumentRow} row
   * @param {string} reason
   */
  #reject(row, reason) {
    announce(`${row.title}: ${reason}`);
    row.state("rejected", sentence("rejected"));
    row.fault(reason);
    row.onCancel = () => row.element.remove();
  }

  /** @param {import("./document_row.js").DocumentFrame} frame */
  #report(frame) {
    const row = this.#rows.get(frame.document);
    if (row) row.show(frame);
    else if (this.#running) this.#early.set(frame.document, frame);
    if (!row || !row.isUnfinished) this.onNews?.();
  }

  /**
   * From now on these are shown only where the server's list shows them.
   *
   * @param {string[]} ids
   */
  giveBack(ids) {
    for (const id of ids) this.#own.delete(id);
  }

  /**
   * Takes over the rows of a fresh copy of the page: new ones, what has changed of others, and who has gone.
   *
   * @param {Element} fresh the list of documents there
   */
  renew(fresh) {
    const elements = /** @type {NodeListOf<HTMLElement>} */ (fresh.querySelectorAll("[data-document]"));
    /** @type {Element | null} the row that the next one stands before */
    let next = null;
    for (const element of [...elements].reverse()) {
      const known = this.#rows.get(element.dataset.document);
      if (known?.element.isConnected) next = this.#replace(known, element).element;
      else if (!known) next = this.#insert(element, next).element;
    }
    const ids = new Set([...elements].map((element) => element.dataset.document));
    for (const [id, row] of this.#rows) {
      if (!ids.has(id) && !this.#own.has(id) && !row.isInUse) row.element.remove();
      if (!row.element.isConnected && !ids.has(id)) this.#rows.delete(id);
    }
  }

  /**
   * @param {DocumentRow} row
   * @param {HTMLElement} element what it is by now
   * @returns {DocumentRow} the one that is shown
   */
  #replace(row, element) {
    if (row.isInUse) return row;
    const successor = new DocumentRow(document.adoptNode(element));
    successor.isPicked = row.isPicked;
    row.element.replaceWith(successor.element);
    this.#rows.set(successor.id, successor);
    return successor;
  }

  /**
   * @param {HTMLElement} element
   * @param {Element | null} next null at the end
   * @returns {DocumentRow}
   */
  #insert(element, next) {
    const row = new DocumentRow(document.adoptNode(element));
    this.#list.insertBefore(row.element, next);
    this.#rows.set(row.id, row);
    return row;
  }
}

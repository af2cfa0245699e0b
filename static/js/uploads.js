/** Uploads: each file its own request, two at a time, with progress, cancel, and refusals before anything is sent. */

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
  /** @type {Map<string, DocumentRow>} by document id */
  #rows = new Map();
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

  /** @returns {boolean} whether any document is still being worked on by the server */
  get isUnfinished() {
    return [...this.#rows.values()].some((row) => row.element.isConnected && row.isUnfinished);
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
  #send(file, collection, row) {
    if (!row.element.isConnected) return Promise.resolve();
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
      request.addEventListener("load", () => this.#answered(request, row));
      request.addEventListener("error", () => {
        this.#reject(row, sentence("upload_failed"));
        row.onSendAgain = () => this.#enqueue(file, collection, row);
      });
      request.addEventListener("loadend", () => resolve());
      request.send(body);
    });
  }

  /**
   * @param {XMLHttpRequest} request
   * @param {DocumentRow} row
   */
  #answered({ status, response }, row) {
    const result = response?.results?.[0];
    if (status >= 400 || !result || result.status === "rejected") {
      const error = result?.error ?? response?.errors?.[0];
      this.#reject(row, error?.detail ?? error ?? response?.detail ?? sentence("upload_failed"));
      return;
    }
    if (result.duplicate_of) {
      row.state("duplicate", sentence("duplicate"));
      return;
    }
    row.onCancel = null;
    row.id = result.id;
    this.#rows.set(result.id, row);
    const begun = { document: result.id, status: result.status, progress: 0, pages: null, chunks: null, error: null };
    row.show(this.#early.get(result.id) ?? begun);
    this.#early.delete(result.id);
  }

  /**
   * @param {DocumentRow} row
   * @param {string} reason
   */
  #reject(row, reason) {
    row.state("rejected", sentence("rejected"));
    row.fault(reason);
    row.onCancel = () => row.element.remove();
  }

  /** @param {import("./document_row.js").DocumentFrame} frame */
  #report(frame) {
    const row = this.#rows.get(frame.document);
    if (row) row.show(frame);
    else if (this.#running) this.#early.set(frame.document, frame);
  }
}

/**
 * A WebSocket that comes back by itself.
 *
 * Events: `open` (each time it is connected), `frame` (a message; `detail` is the parsed object), `lost` (the
 * connection broke and will be tried again), `refused` (the session or the right has gone; no further attempt).
 */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
/** Close codes after which trying again cannot help. */
const FINAL_CODES = new Set([4401, 4403]);

export class Socket extends EventTarget {
  /** @type {WebSocket | null} */
  #connection = null;
  #attempts = 0;
  #timer = 0;
  #url;

  /** @param {string} path an absolute path on this origin */
  constructor(path) {
    super();
    this.#url = new URL(path, location.href);
    this.#url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
    this.#connect();
  }

  get isOpen() {
    return this.#connection?.readyState === WebSocket.OPEN;
  }

  /**
   * @param {object} frame
   * @returns {boolean} whether there was a connection to send it on
   */
  send(frame) {
    if (!this.isOpen) return false;
    this.#connection.send(JSON.stringify(frame));
    return true;
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const connection = new WebSocket(this.#url);
    this.#connection = connection;
    connection.addEventListener("open", () => {
      this.#attempts = 0;
      this.dispatchEvent(new Event("open"));
    });
    connection.addEventListener("message", (event) => {
      this.dispatchEvent(new CustomEvent("frame", { detail: JSON.parse(event.data) }));
    });
    connection.addEventListener("close", (event) => this.#lose(event.code));
  }

  /** @param {number} code */
  #lose(code) {
    if (FINAL_CODES.has(code)) {
      this.dispatchEvent(new Event("refused"));
      return;
    }
    // Full jitter, so that a restarted server is not met by everyone at once.
    const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.#connect(), ceiling / 2 + (Math.random() * ceiling) / 2);
    this.dispatchEvent(new Event("lost"));
  }

  /** The network is back or the person is: do not sit out the delay. */
  #hurry() {
    if (this.#timer) this.#connect();
  }
}

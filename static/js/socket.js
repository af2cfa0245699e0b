/**
 * A WebSocket that comes back by itself.
 *
 * Events: `open` (each time it is connected), `frame` (a message; `detail` is the parsed object), `lost` (the
 * connection broke and will be tried again), `refused` (`detail` is 401 when one is logged out, 403 or 404 when one
 * is let in no more; no further attempt).
 */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
const PATIENCE = 5_000;
/** Close codes that say that the log-in or the right has gone; 1012 says to come back and be looked at anew. */
const ENDED = new Set([4401, 4403]);

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
    let wasOpen = false;
    connection.addEventListener("open", () => {
      wasOpen = true;
      this.#attempts = 0;
      this.dispatchEvent(new Event("open"));
    });
    connection.addEventListener("message", (event) => {
      this.dispatchEvent(new CustomEvent("frame", { detail: JSON.parse(event.data) }));
    });
    // A handshake that is refused looks like one that got no answer: a page says which it was.
    connection.addEventListener("close", (event) => this.#lose(ENDED.has(event.code) || !wasOpen));
  }

  /** @param {boolean} isDoubtful whether it may be the server that wants no other */
  async #lose(isDoubtful) {
    const status = isDoubtful ? await this.#refusal() : 0;
    if (status) {
      this.dispatchEvent(new CustomEvent("refused", { detail: status }));
      return;
    }
    // Full jitter, so that a restarted server is not met by everyone at once.
    const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.#connect(), ceiling / 2 + (Math.random() * ceiling) / 2);
    this.dispatchEvent(new Event("lost"));
  }

  /** @returns {Promise<number>} the status by which the organisation's own page refuses one; 0 when it does not */
  async #refusal() {
    const page = this.#url.pathname.replace(/\/ws\/.*$/, "/");
    const headers = { Accept: "application/json" };
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const { status } = await fetch(page, { method: "HEAD", headers, redirect: "manual", signal });
      return [401, 403, 404].includes(status) ? status : 0;
    } catch {
      return 0;
    }
  }

  /** The network is back or the person is: do not sit out the delay. */
  #hurry() {
    if (this.#timer) this.#connect();
  }
}

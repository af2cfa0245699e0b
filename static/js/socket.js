/**
 * A WebSocket that comes back by itself.
 *
 * Events: `open` (each time it is connected), `frame` (a message; `detail` is the parsed object), `lost` (the
 * connection broke and will be tried again), `restart` (the server is restarted: everybody comes back at a time of
 * their own within half a minute, who needs it sooner by `hurry`), `refused` (`detail` is 401 when one is logged out, 403 or 404 when one
 * is let in no more, 410 when what it is about is gone; no further attempt).
 */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
const PATIENCE = 5_000;
/** Over how long those come back whom a restart has disconnected at one moment, and those of them who need it. */
const HERD = 30_000;
const HURRIED_HERD = 2_000;
const RESTARTED = 1012;
/** By which 1012 says that it is about this person's rights alone. */
const CHANGED = "changed";
/** Close codes that say that the log-in or the right has gone; 1012 says to come back and be looked at anew. */
const ENDED = new Set([4401, 4403]);
const REFUSALS = new Set([401, 403, 404]);
const GONE = 410;

export class Socket extends EventTarget {
  /** @type {WebSocket | null} */
  #connection = null;
  #attempts = 0;
  #timer = 0;
  #isAway = false;
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
    if (!this.isOpen) {
      this.hurry();
      return false;
    }
    this.#connection.send(JSON.stringify(frame));
    return true;
  }

  /** Somebody waits: do not sit out the half minute after a restart. */
  hurry() {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#connectIn(Math.random() * HURRIED_HERD);
  }

  /** @param {number} delay in milliseconds */
  #connectIn(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), delay);
  }

  #connect() {
    this.#isAway = false;
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
    connection.addEventListener("close", (event) => {
      if (event.code === RESTARTED && event.reason !== CHANGED) this.#stayAway();
      else this.#lose(ENDED.has(event.code) || !wasOpen);
    });
  }

  /** The server is restarted, and a thousand others have lost their connection at this moment. */
  #stayAway() {
    this.#isAway = true;
    this.#connectIn(Math.random() * HERD);
    this.dispatchEvent(new Event("restart"));
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
    this.#connectIn(ceiling / 2 + (Math.random() * ceiling) / 2);
    this.dispatchEvent(new Event("lost"));
  }

  /** @returns {Promise<number>} as `refused` tells it; 0 when no page refuses one */
  async #refusal() {
    const path = this.#url.pathname;
    const refused = await refusalOf(path.replace(/\/ws\/.*$/, "/"));
    const own = path.replace("/ws/conversations/", "/c/");
    if (refused || own === path) return refused;
    return (await refusalOf(own)) ? GONE : 0;
  }

  /** The network is back or the person is: do not sit out the delay. */
  #hurry() {
    if (this.#timer) this.#connect();
  }
}

/**
 * @param {string} page
 * @returns {Promise<number>} the status by which it refuses one; 0 when it does not
 */
async function refusalOf(page) {
  const headers = { Accept: "application/json" };
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const { status } = await fetch(page, { method: "HEAD", headers, redirect: "manual", signal });
    return REFUSALS.has(status) ? status : 0;
  } catch {
    return 0;
  }
}

/**
 * What was said before the messages that the page came with: brought part by part when nobody waits for anything
 * else, until all of it is there to be scrolled to and found. The server renders each part as a page of its own, to
 * which the link leads where there are no scripts.
 */

import { serverDocument } from "./html.js";

/** Put in place at once: more would hold up who is typing. */
const SLICE = 6;

export class Earlier {
  #log;
  #adopt;
  #isReading = false;

  /**
   * @param {HTMLElement} log
   * @param {(elements: HTMLElement[]) => void} adopt called with what was put in place
   */
  constructor(log, adopt) {
    this.#log = log;
    this.#adopt = adopt;
    log.addEventListener("click", (event) => {
      const link = /** @type {HTMLElement} */ (event.target).closest("[data-earlier] a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#bring(/** @type {HTMLAnchorElement} */ (link));
    });
  }

  /** Brings the next part, unless an answer is on its way: then whoever calls does so again afterwards. */
  async begin() {
    await leisure();
    const link = /** @type {HTMLAnchorElement | null} */ (this.#log.querySelector("[data-earlier] a"));
    if (link && !this.#log.hasAttribute("data-busy")) await this.#bring(link);
  }

  /** @param {HTMLAnchorElement} link */
  async #bring(link) {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const response = await fetch(link.href, { headers: { Accept: "text/html" } });
      // Out of sight or logged out: the link stays, and says so when it is followed.
      if (!response.ok || response.redirected) return;
      const part = serverDocument(await response.text()).querySelector("[data-log]");
      // Meanwhile another branch may be shown.
      if (!part || !link.isConnected) return;
      await this.#place(link.closest("[data-earlier]"), /** @type {HTMLElement[]} */ ([...part.children]));
    } catch {
      // The connection is lost: the link stays.
      return;
    } finally {
      this.#isReading = false;
    }
    this.begin();
  }

  /** Until no answer is on its way. */
  #quiet() {
    return new Promise((ready) => {
      const look = () => {
        if (this.#log.hasAttribute("data-busy")) return;
        observer.disconnect();
        ready(undefined);
      };
      const observer = new MutationObserver(look);
      observer.observe(this.#log, { attributeFilter: ["data-busy"] });
      look();
    });
  }

  /**
   * The latest first: what somebody reads stays where it is.
   *
   * @param {Element} marker after which the messages belong
   * @param {HTMLElement[]} children the part's own marker, if more comes before it, and its messages
   */
  async #place(marker, children) {
    const successor = children[0].matches("[data-earlier]") ? children.shift() : null;
    while (children.length && marker.isConnected) {
      const slice = children.splice(-SLICE).map((child) => document.adoptNode(child));
      for (const child of slice) child.classList.add("past");
      marker.after(...slice);
      this.#adopt(slice);
      await this.#quiet();
      await leisure();
    }
    if (!marker.isConnected) return;
    if (successor) marker.replaceWith(document.adoptNode(successor));
    else marker.remove();
  }
}

/** When the browser has nothing better to do. */
const leisure = () =>
  new Promise((ready) => ("requestIdleCallback" in globalThis ? requestIdleCallback(ready, { timeout: 1000 }) : setTimeout(ready, 50)));

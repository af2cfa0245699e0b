/** Follows a growing log, but only for a person who is at its end; to others it offers a way there. */

const NEAR = 96;

export class Follower {
  #following = true;
  /** Where the end was when we last went there; none while we do not follow. */
  #end = 0;
  #width = 0;
  /** @type {Element | null} the last turn and its height, when the log changed */
  #last = null;
  #height = 0;
  #log;
  #jump;
  #dot;

  /** @param {HTMLElement} root holds the log, the jump button and its dot */
  constructor(root) {
    this.#log = root.querySelector("[data-log]");
    this.#jump = /** @type {HTMLElement} */ (root.querySelector("[data-jump]"));
    this.#dot = /** @type {HTMLElement} */ (root.querySelector("[data-jump-dot]"));
    addEventListener("scroll", () => this.#look(), { passive: true });
    this.#jump.addEventListener("click", () => this.toEnd());
    const sizes = new ResizeObserver(([{ contentRect }]) => this.#resized(contentRect.width));
    sizes.observe(this.#log);
  }

  /** Something under the log has come or gone: at once, for who is at the end never leaves it. */
  keepUp() {
    // Whoever has just scrolled away is not brought back: the event that says so may still be on its way.
    this.#look();
    if (this.#following) this.toEnd();
  }

  /** Goes to the end and follows from here on. */
  toEnd() {
    this.#following = true;
    scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    this.#end = end();
    this.#look();
  }

  #look() {
    // Words that have come since we went to the end take nobody away from it.
    this.#following = Math.min(this.#end, end()) - scrollY < NEAR;
    if (!this.#following) this.#end = Infinity;
    this.#jump.hidden = this.#following || !this.#log.childElementCount;
    if (this.#following) this.#dot.hidden = true;
  }

  /** @param {number} width of the log: where it changed, the same words were only set anew */
  #resized(width) {
    const last = /** @type {HTMLElement | null} */ (this.#log.lastElementChild);
    if (!last) return;
    // What was brought from before is not new.
    const isNew = last !== this.#last || last.offsetHeight !== this.#height;
    this.#last = last;
    this.#height = last.offsetHeight;
    this.keepUp();
    if (isNew && width === this.#width) this.#dot.hidden = this.#following;
    this.#width = width;
  }
}

/** How far down the page can be scrolled. */
const end = () => document.documentElement.scrollHeight - innerHeight;

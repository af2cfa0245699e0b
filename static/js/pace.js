/** How fast the blocks of a running answer appear: as they come or, for whom that is restless, each when it is whole. */

export class Pace {
  #draw;
  #isReduced = "reducesStreaming" in document.documentElement.dataset;
  /** @type {Map<number, string>} blocks that may still grow */
  #held = new Map();

  /** @param {(index: number, html: string) => void} draw */
  constructor(draw) {
    this.#draw = draw;
  }

  /**
   * @param {number} index
   * @param {string} html what the block is from now on
   */
  take(index, html) {
    if (!this.#isReduced) return this.#draw(index, html);
    this.#held.set(index, html);
    // A block is whole once another comes after it.
    const last = Math.max(...this.#held.keys());
    this.#release((one) => one < last);
  }

  /** It is over: all that came is shown. */
  end() {
    this.#release(() => true);
  }

  /** @param {(index: number) => boolean} isWhole */
  #release(isWhole) {
    for (const index of [...this.#held.keys()].filter(isWhole).sort((one, other) => one - other)) {
      const html = this.#held.get(index);
      this.#held.delete(index);
      this.#draw(index, html);
    }
  }
}

/** One answer on the page: its stages, its blocks while they stream, and the state in which it ends. */

import { Aloud } from "./aloud.js";
import { frameBlocks } from "./blocks.js";
import { copyAnswer } from "./clipboard.js";
import { drawDetails } from "./details.js";
import { offerFeedback } from "./feedback.js";
import { fragment } from "./fragments.js";
import { setServerHTML } from "./html.js";
import { Pace } from "./pace.js";
import { drawSources, evidenceOf, keepEvidence } from "./sources.js";
import { sentence } from "./strings.js";
import { Thinking } from "./thinking.js";
import { offerWhy } from "./why.js";

/** The server's own words for it, in whatever language the page is. */
const SEARCHING = "Searching your documents…";

const RUNNING = new Set(["pending", "streaming"]);

export class Answer {
  #body;
  #stage;
  #aloud;
  #pace = new Pace((index, html) => this.#draw(index, html));
  /** @type {Map<number, string>} what each block shows, so that an unchanged one is not drawn again */
  #shown = new Map();
  #canWiden = false;
  #model = "";
  /** How it ended, the last time that it did. */
  #finish = "";

  /** @param {HTMLElement} element rendered by the server, or a fresh copy of the same template */
  constructor(element) {
    this.element = element;
    this.thinking = new Thinking(element);
    this.#body = /** @type {HTMLElement} */ (element.querySelector("[data-body]"));
    this.#stage = /** @type {HTMLElement} */ (element.querySelector("[data-stage]"));
    this.#aloud = new Aloud(this.#body);
    const copy = this.#button("copy");
    copy.addEventListener("click", () => copyAnswer(element, copy));
  }

  /** @returns {Answer} one that waits for its first event */
  static begin() {
    const answer = new Answer(fragment("answer"));
    answer.#run();
    return answer;
  }

  get id() {
    return this.element.dataset.message;
  }

  set id(id) {
    this.element.dataset.message = id;
  }

  get isRunning() {
    return RUNNING.has(this.element.dataset.status);
  }

  /** @param {() => void} retry what the button of an unfinished or failed answer does */
  onRetry(retry) {
    this.#button("retry").addEventListener("click", retry);
  }

  /** @param {() => void} regenerate what the button for another answer does */
  onRegenerate(regenerate) {
    this.#button("regenerate").addEventListener("click", regenerate);
  }

  /** @param {() => void} goOn what the button of a cut answer does */
  onContinue(goOn) {
    this.#button("continue").addEventListener("click", goOn);
  }

  /** @param {() => void} widen offered by a refusal: the same question, asked of everything */
  onWiden(widen) {
    this.#canWiden = true;
    this.#button("widen").addEventListener("click", widen);
  }

  /** Takes up an answer that the server rendered: finished ones get their sources, running ones their stage. */
  adopt() {
    const record = this.element.querySelector("[data-record]");
    frameBlocks(this.#body);
    const read = (/** @type {string} */ name) => JSON.parse(record.querySelector(`[data-json="${name}"]`).textContent);
    keepEvidence(this.element, { citations: read("citations") ?? [], sources: read("sources") ?? [] });
    if (this.isRunning) {
      this.#run();
      return;
    }
    const { finish, model, searchedFor, at } = /** @type {HTMLElement} */ (record).dataset;
    this.#model = model;
    this.#settle(finish);
    drawDetails(this.element, { at, searchedFor, model, usage: read("usage"), timings: read("timings") });
  }

  /** @param {string} text */
  stage(text) {
    this.#stage.hidden = !text;
    this.#stage.querySelector("[data-stage-text]").textContent = text;
  }

  /** @param {{stage: string, detail?: string, position?: number}} frame */
  status({ stage, detail, position }) {
    // That documents are searched was said when the question was sent, with the names of the collections.
    if (this.#shown.size || (stage === "searching" && (!detail || detail === SEARCHING) && !position)) return;
    this.stage(detail || (position ? sentence("queued_at", { position }) : sentence(stage)));
  }

  /** @param {import("./passages.js").Source[]} items */
  sources(items) {
    keepEvidence(this.element, { sources: items });
  }

  /**
   * @param {number} index
   * @param {string} html what the block shows from now on
   */
  block(index, html) {
    this.#pace.take(index, html);
  }

  /**
   * @param {number} index
   * @param {string} html
   */
  #draw(index, html) {
    if (this.#shown.get(index) === html) return;
    if (!this.#shown.size) this.#firstWords();
    this.#shown.set(index, html);
    while (this.#body.children.length <= index) {
      const block = document.createElement("div");
      block.className = "block";
      block.dir = "auto";
      this.#body.append(block);
    }
    setServerHTML(this.#body.children[index], html);
    frameBlocks(this.#body.children[index]);
    this.#aloud.grown();
  }

  /**
   * @param {object} frame
   * @param {string} frame.finish_reason stop, stopped, length or refused
   * @param {import("./passages.js").Source[]} frame.citations
   * @param {Record<string, number>} frame.usage
   * @param {Record<string, number>} frame.timings
   * @param {string} frame.model
   */
  finish({ finish_reason: reason, citations, usage, timings, model }) {
    this.#pace.end();
    while (this.#body.children.length > this.#shown.size) this.#body.lastElementChild.remove();
    this.element.dataset.status = "finished";
    keepEvidence(this.element, { citations });
    this.#model = model;
    this.thinking.settle(timings.thinking);
    this.#settle(reason);
    drawDetails(this.element, { at: new Date().toISOString(), model, usage, timings });
    if (reason === "stopped") this.#aloud.ended(sentence("answer_stopped"));
    else this.#aloud.ready();
  }

  /** @param {{code: string, detail?: string, retryable: boolean}} frame */
  fail({ code, detail, retryable }) {
    this.#pace.end();
    this.element.dataset.status = "failed";
    const reason = /** @type {HTMLElement} */ (this.element.querySelector("[data-reason]"));
    reason.dataset.code = code;
    reason.dataset.retryable = String(retryable);
    reason.textContent = detail ?? "";
    this.thinking.settle(undefined);
    this.#settle("failed");
    this.#aloud.ended(`${sentence("answer_failed")} ${reason.textContent}`);
  }

  /** It was cut and is gone on with: the blocks come anew, the first ones as they are. */
  reopen() {
    this.#shown.clear();
    this.thinking.reopen();
    this.element.dataset.status = "pending";
    this.#refusal.hidden = true;
    const parts = this.element.querySelectorAll("[data-note], [data-actions], [data-feedback-form]");
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (parts)) part.hidden = true;
    this.stage(sentence("continuing"));
    this.#run();
  }

  /**
   * What was wanted of it was refused: it is as it was.
   *
   * @param {string} detail
   */
  refuse(detail) {
    if (this.isRunning) {
      this.element.dataset.status = "finished";
      this.#settle(this.#finish);
    }
    this.#refusal.textContent = detail;
    this.#refusal.hidden = false;
  }

  get #refusal() {
    return /** @type {HTMLElement} */ (this.element.querySelector("[data-refusal]"));
  }

  #run() {
    if (!this.isRunning) this.element.dataset.status = "pending";
    this.#body.setAttribute("aria-busy", "true");
    this.#aloud.begin();
  }

  #firstWords() {
    this.element.dataset.status = "streaming";
    this.stage("");
    this.thinking.end();
  }

  /** @param {string} finish done, stopped, refused, failed, interrupted, length, or a finish_reason */
  #settle(finish) {
    this.#finish = finish;
    const failed = finish === "failed" || finish === "interrupted";
    const isCut = failed || finish === "stopped" || finish === "length";
    this.stage("");
    this.#body.removeAttribute("aria-busy");
    for (const note of /** @type {NodeListOf<HTMLElement>} */ (this.element.querySelectorAll("[data-note]"))) {
      note.hidden = note.dataset.note !== (failed ? "failed" : finish);
    }
    if (!this.#canWiden) this.#button("widen").closest("[data-note]").toggleAttribute("hidden", true);
    drawSources(this.element, finish === "refused");
    this.#nameChips();
    offerWhy(this.element);
    offerFeedback(this.element);
    /** @type {HTMLElement} */ (this.element.querySelector("[data-actions]")).hidden = false;
    const reason = /** @type {HTMLElement} */ (this.element.querySelector("[data-reason]"));
    if (failed) reason.textContent ||= sentence(reason.dataset.code) || sentence("failed");
    this.#button("retry").hidden = !(finish === "stopped" || (failed && reason.dataset.retryable === "true"));
    this.#button("copy").hidden = !this.#body.textContent.trim();
    // One button for it, with words where another answer is what is missing.
    this.#button("regenerate").hidden = !this.id || !this.#button("retry").hidden;
    this.#button("continue").hidden = !this.id || !isCut || !this.#body.textContent.trim() || this.#model === "extractive";
  }

  /** A bare number says little when read aloud: each chip names its document and page. */
  #nameChips() {
    const { citations, sources } = evidenceOf(this.element);
    for (const chip of /** @type {NodeListOf<HTMLElement>} */ (this.element.querySelectorAll(".chip"))) {
      const citation = [...citations, ...sources].find(({ marker }) => String(marker) === chip.dataset.marker);
      if (citation) chip.setAttribute("aria-label", sentence("citation", { ...citation }));
    }
  }

  /** @param {string} name */
  #button(name) {
    return /** @type {HTMLButtonElement} */ (this.element.querySelector(`[data-${name}]`));
  }
}

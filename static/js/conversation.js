/**
 * The conversation on the page: asks questions, brings the server's events to the answers they belong to, and takes
 * up again after a lost connection whatever was under way.
 *
 * Events: `running` (`detail` says whether an answer is under way), `begun` (`detail` is the new conversation),
 * `title`, `grown` (something was added at the end), `retry` and `widen` (`detail` is the question to ask once more,
 * or to ask of all collections).
 */

import { Answer } from "./answer.js";
import { watchConnection } from "./banner.js";
import { postJSON } from "./requests.js";
import { Socket } from "./socket.js";
import { Turn } from "./turns.js";

export class Conversation extends EventTarget {
  #log;
  #createUrl;
  /** @type {Socket | null} */
  #socket = null;
  /** @type {Map<string, Turn>} turns that the server has not accepted yet, by request id */
  #waiting = new Map();
  /** @type {Map<string, Answer>} by message id */
  #answers = new Map();

  /** @param {HTMLElement} root */
  constructor(root) {
    super();
    this.#log = /** @type {HTMLElement} */ (root.querySelector("[data-log]"));
    this.#createUrl = root.dataset.createUrl;
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (this.#log.querySelectorAll(".answer"))) {
      const answer = new Answer(element);
      answer.adopt();
      answer.onRetry(() => this.#askAgain(answer, "retry"));
      this.#answers.set(answer.id, answer);
    }
    if (root.dataset.socketUrl) this.#connect(root.dataset.socketUrl);
  }

  get isRunning() {
    return this.#waiting.size > 0 || [...this.#answers.values()].some((answer) => answer.isRunning);
  }

  get lastQuestion() {
    return [...this.#log.querySelectorAll(".question [data-text]")].at(-1)?.textContent ?? "";
  }

  /**
   * Shows the question at once and sends it as soon as there is a connection.
   *
   * @param {{content: string, collections?: string[], stage: string}} asked
   */
  async ask({ content, collections, stage }) {
    const turn = new Turn({ content, collections });
    turn.answer.stage(stage);
    turn.answer.onRetry(() => this.#askAgain(turn.answer, "retry"));
    if (collections) turn.answer.onWiden(() => this.#askAgain(turn.answer, "widen"));
    this.#log.append(turn.question, turn.answer.element);
    this.#waiting.set(turn.requestId, turn);
    this.#changed();
    this.dispatchEvent(new Event("grown"));
    if (this.#socket) this.#socket.send(turn.frame);
    else await this.#begin(turn);
  }

  /** Stops the answer under way, or as soon as the server has accepted its question. */
  stop() {
    for (const turn of this.#waiting.values()) turn.isStopWanted = true;
    for (const answer of this.#answers.values()) {
      if (answer.isRunning) this.#socket?.send({ type: "stop", message: answer.id });
    }
  }

  /** @param {Turn} turn the first of a conversation that does not exist yet */
  async #begin(turn) {
    try {
      const conversation = await postJSON(this.#createUrl, {});
      this.dispatchEvent(new CustomEvent("begun", { detail: conversation }));
      this.#connect(conversation.socket_url);
    } catch {
      this.#waiting.delete(turn.requestId);
      turn.answer.fail({ code: "send_failed", retryable: true });
      this.#changed();
    }
  }

  /**
   * @param {Answer} answer whose question is asked once more
   * @param {"retry" | "widen"} how
   */
  #askAgain(answer, how) {
    const question = answer.element.previousElementSibling?.querySelector("[data-text]");
    this.dispatchEvent(new CustomEvent(how, { detail: question?.textContent ?? this.lastQuestion }));
  }

  /** @param {string} path */
  #connect(path) {
    this.#socket = new Socket(path);
    watchConnection(this.#socket);
    this.#socket.addEventListener("open", () => this.#takeUp());
    this.#socket.addEventListener("frame", (event) => this.#receive(/** @type {CustomEvent} */ (event).detail));
  }

  /** Connected, for the first time or again: what is not accepted is asked, what is running is resumed. */
  #takeUp() {
    for (const turn of this.#waiting.values()) this.#socket.send(turn.frame);
    for (const answer of this.#answers.values()) {
      if (answer.isRunning) this.#socket.send({ type: "resume", message: answer.id, offset: 0 });
    }
  }

  /** @param {any} frame */
  #receive(frame) {
    if (frame.type === "accepted") return this.#accept(frame);
    if (frame.type === "title") return this.dispatchEvent(new CustomEvent("title", { detail: frame }));
    if (frame.type === "failed" && !frame.message) return this.#refuse(frame);
    const answer = this.#answers.get(frame.message);
    // An answer that has ended says no more; a late frame of a resumed stream must not reopen it.
    if (!answer?.isRunning) return undefined;
    if (frame.type === "status") answer.status(frame);
    else if (frame.type === "sources") answer.sources(frame.items);
    else if (frame.type === "thinking") answer.thinking.tell(frame.offset, frame.text);
    else if (frame.type === "block") answer.block(frame.index, frame.html);
    else if (frame.type === "finished") answer.finish(frame);
    else if (frame.type === "failed") answer.fail(frame);
    return this.#changed();
  }

  /** @param {{request_id: string, question: string, message: string}} frame */
  #accept({ request_id: requestId, question, message }) {
    const turn = this.#waiting.get(requestId);
    if (!turn) return;
    this.#waiting.delete(requestId);
    turn.question.dataset.message = question;
    turn.answer.id = message;
    this.#answers.set(message, turn.answer);
    if (turn.isStopWanted) this.#socket.send({ type: "stop", message });
    this.#changed();
  }

  /** @param {{request_id: string, code: string, detail: string, retryable: boolean}} frame of a question not taken */
  #refuse(frame) {
    const turn = this.#waiting.get(frame.request_id);
    if (!turn) return;
    this.#waiting.delete(frame.request_id);
    turn.answer.fail(frame);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("running", { detail: this.isRunning }));
  }
}

/**
 * The conversation on the page: asks questions, brings the server's events to the answers they belong to, and takes
 * up again after a lost connection whatever was under way.
 *
 * Events: `running` (`detail` says whether an answer is under way), `begun` (`detail` is the new conversation),
 * `accepted` (the server has counted a question or another answer), `title`, `grown` (something was added at the end),
 * `retry` and `widen` (`detail` is the question to send once more, for it never arrived, or to ask of all collections).
 */

import { Answer } from "./answer.js";
import { watchConnection } from "./banner.js";
import { renewVersions, showBranch } from "./branches.js";
import { Earlier } from "./earlier.js";
import { editQuestion } from "./editing.js";
import { postJSON } from "./requests.js";
import { Socket } from "./socket.js";
import { sentence } from "./strings.js";
import { Turn } from "./turns.js";

export class Conversation extends EventTarget {
  /** What a new conversation is to begin with: a function, for that may change until it does. */
  beginning = () => ({});
  #log;
  #createUrl;
  /** @type {Socket | null} */
  #socket = null;
  /** @type {Promise<any> | null} the conversation that is being made */
  #making = null;
  /** @type {Map<string, Turn>} turns that the server has not accepted yet, by request id */
  #waiting = new Map();
  /** @type {Map<string, Answer>} by message id */
  #answers = new Map();
  /** @type {Earlier} */
  #earlier;

  /** @param {HTMLElement} root */
  constructor(root) {
    super();
    this.#log = /** @type {HTMLElement} */ (root.querySelector("[data-log]"));
    this.#createUrl = root.dataset.createUrl;
    this.#earlier = new Earlier(this.#log, (elements) => this.#adoptEarlier(elements));
    this.#adopt();
    this.#earlier.begin();
    this.#log.addEventListener("click", (event) => this.#clicked(/** @type {HTMLElement} */ (event.target)));
    this.#log.addEventListener("submit", (event) => this.#chooseBranch(/** @type {SubmitEvent} */ (event)));
    if (root.dataset.socketUrl) this.#connect(root.dataset.socketUrl);
  }

  get isRunning() {
    return this.#waiting.size > 0 || [...this.#answers.values()].some((answer) => answer.isRunning);
  }

  /** @returns {{id: string, content: string}} with no id where the server does not know it */
  get lastQuestion() {
    const last = [...this.#log.querySelectorAll(".question")].at(-1);
    return { id: last?.dataset.message ?? "", content: last?.querySelector("[data-text]").textContent ?? "" };
  }

  /** @returns {string} the id of the answer at the end; empty where there is none */
  get lastAnswer() {
    const last = this.#log.lastElementChild;
    return last instanceof HTMLElement && last.matches(".answer") ? last.dataset.message : "";
  }

  /**
   * Shows the question at once and sends it as soon as there is a connection.
   *
   * @param {object} asked
   * @param {string} asked.content
   * @param {() => object} asked.scope what the question says of what it searches, when it is sent
   * @param {boolean} asked.isNarrowed whether it could be asked of more
   * @param {string} asked.stage what is said of it meanwhile
   * @param {Promise<unknown>} asked.after which it is sent
   */
  async ask({ content, scope, isNarrowed, stage, after }) {
    const parent = [...this.#log.querySelectorAll(".answer")].map((answer) => answer.dataset.message).findLast(Boolean);
    const turn = Turn.ask({ content, parent });
    turn.answer.stage(stage);
    this.#wire(turn.answer);
    if (isNarrowed) turn.answer.onWiden(() => this.#widen(turn.answer));
    this.#log.append(turn.question, turn.answer.element);
    this.#waiting.set(turn.requestId, turn);
    this.#changed();
    this.dispatchEvent(new Event("grown"));
    turn.isHeld = true;
    await after;
    if (!(await this.#hasBegun(turn))) return;
    Object.assign(turn.frame, scope());
    turn.isHeld = false;
    this.#socket.send(turn.frame);
  }

  /**
   * Puts a question otherwise, in its place.
   *
   * @param {string} message
   * @param {string} content
   * @returns {boolean} whether it still stands there to be replaced
   */
  edit(message, content) {
    const question = [...this.#log.querySelectorAll(".question")].find((one) => one.dataset.message === message);
    if (!question) return false;
    this.#replace(question, Turn.edit(message, content));
    return true;
  }

  /** Takes up the answers that the server rendered. */
  #adopt() {
    this.#answers = this.#adopted(/** @type {HTMLElement[]} */ ([...this.#log.querySelectorAll(".answer")]));
  }

  /** @param {HTMLElement[]} elements that were put before all others */
  #adoptEarlier(elements) {
    const earlier = this.#adopted(elements.filter((element) => element.matches(".answer")));
    this.#answers = new Map([...earlier, ...this.#answers]);
  }

  /**
   * @param {HTMLElement[]} elements answers that the server rendered
   * @returns {Map<string, Answer>} by message id
   */
  #adopted(elements) {
    const answers = new Map();
    for (const element of elements) {
      const answer = new Answer(element);
      this.#wire(answer);
      answer.adopt();
      answers.set(answer.id, answer);
    }
    return answers;
  }

  /** @param {Answer} answer */
  #wire(answer) {
    answer.onRetry(() => this.#tryAgain(answer));
    answer.onRegenerate(() => this.#regenerate(answer));
    answer.onContinue(() => this.#goOn(answer));
  }

  /** @param {Answer} answer that failed or was stopped; whose question never arrived, it is sent once more */
  #tryAgain(answer) {
    if (this.isRunning) return;
    if (answer.id) {
      this.#regenerate(answer);
      return;
    }
    const question = answer.element.previousElementSibling;
    question.remove();
    answer.element.remove();
    this.dispatchEvent(new CustomEvent("retry", { detail: question.querySelector("[data-text]").textContent }));
  }

  /** @param {Answer} answer */
  #regenerate(answer) {
    if (this.isRunning) return;
    const question = /** @type {HTMLElement} */ (answer.element.previousElementSibling);
    this.#replace(answer.element, Turn.regenerate(question, answer.id));
  }

  /** @param {Answer} answer */
  #goOn(answer) {
    if (this.isRunning) return;
    const turn = Turn.goOn(/** @type {HTMLElement} */ (answer.element.previousElementSibling), answer);
    answer.reopen();
    this.#send(turn);
  }

  /** @param {HTMLElement} target of a click somewhere in the log */
  #clicked(target) {
    const question = /** @type {HTMLElement | null} */ (target.closest("[data-edit]")?.closest(".question"));
    if (!question || this.isRunning) return;
    editQuestion(question, (content) => {
      if (!this.isRunning) this.#replace(question, Turn.edit(question.dataset.message, content));
    });
  }

  /**
   * @param {Element} first what it and all that follows is replaced by another branch
   * @param {Turn} turn
   */
  #replace(first, turn) {
    const children = [...this.#log.children];
    turn.replaced = children.slice(children.indexOf(first));
    for (const element of turn.replaced) element.remove();
    this.#wire(turn.answer);
    turn.answer.stage(sentence("sending"));
    if (!turn.question.isConnected) this.#log.append(turn.question);
    this.#log.append(turn.answer.element);
    this.#send(turn);
    this.dispatchEvent(new Event("grown"));
  }

  /** @param {Turn} turn of a conversation that exists */
  #send(turn) {
    this.#waiting.set(turn.requestId, turn);
    this.#changed();
    this.#socket.send(turn.frame);
  }

  /** @param {SubmitEvent} event */
  async #chooseBranch(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.closest("[data-siblings]")) return;
    event.preventDefault();
    if (this.isRunning) return;
    const button = /** @type {HTMLButtonElement} */ (event.submitter);
    const refocus = await showBranch(this.#log, form, button).catch(() => null);
    if (!refocus) return;
    this.#adopt();
    refocus();
    this.#changed();
    if (this.isRunning) this.#takeUp();
  }

  /** Stops the answer under way, or as soon as the server has accepted its question. */
  stop() {
    for (const turn of this.#waiting.values()) turn.isStopWanted = true;
    for (const answer of this.#answers.values()) {
      if (answer.isRunning) this.#socket?.send({ type: "stop", message: answer.id });
    }
  }

  /**
   * Makes the conversation where there is none yet. Connected, it asks whatever waits to be asked.
   *
   * @returns {Promise<void>}
   */
  async begin() {
    if (this.#socket) return;
    this.#making ??= postJSON(this.#createUrl, this.beginning());
    try {
      const conversation = await this.#making;
      if (this.#socket) return;
      this.#connect(conversation.socket_url);
      this.dispatchEvent(new CustomEvent("begun", { detail: conversation }));
    } finally {
      this.#making = null;
    }
  }

  /** @param {Turn} turn that fails where there is no conversation and none can be made */
  async #hasBegun(turn) {
    try {
      await this.begin();
      return true;
    } catch {
      this.#waiting.delete(turn.requestId);
      turn.answer.fail({ code: "send_failed", retryable: true });
      this.#changed();
      return false;
    }
  }

  /** @param {Answer} answer whose question is asked once more, of all collections */
  #widen(answer) {
    const question = answer.element.previousElementSibling?.querySelector("[data-text]");
    this.dispatchEvent(new CustomEvent("widen", { detail: question?.textContent ?? this.lastQuestion.content }));
  }

  /** @param {string} path */
  #connect(path) {
    this.#socket = new Socket(path);
    watchConnection(this.#socket);
    this.#socket.addEventListener("open", () => this.#takeUp());
    this.#socket.addEventListener("restart", () => this.isRunning && this.#socket.hurry());
    this.#socket.addEventListener("frame", (event) => this.#receive(/** @type {CustomEvent} */ (event).detail));
  }

  /** Connected, for the first time or again: what is not accepted is asked, what is running is resumed. */
  #takeUp() {
    for (const turn of this.#waiting.values()) {
      if (!turn.isHeld) this.#socket.send(turn.frame);
    }
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
    /** @type {HTMLElement} */ (turn.question.querySelector("[data-edit]")).hidden = false;
    if (turn.isSibling) renewVersions(this.#log);
    this.dispatchEvent(new Event("accepted"));
    this.#changed();
  }

  /** @param {{request_id: string, code: string, detail: string, retryable: boolean}} frame of a question not taken */
  #refuse(frame) {
    const turn = this.#waiting.get(frame.request_id);
    if (!turn) return;
    this.#waiting.delete(frame.request_id);
    if (turn.frame.type === "ask") turn.answer.fail(frame);
    else this.#takeBack(turn, frame.detail);
    this.#changed();
  }

  /**
   * Nothing became of it: the page is as it was, and says why.
   *
   * @param {Turn} turn
   * @param {string} detail
   */
  #takeBack(turn, detail) {
    if (turn.isSibling) {
      turn.answer.element.remove();
      if (turn.frame.type === "edit") turn.question.remove();
      this.#log.append(...turn.replaced);
    }
    const last = [...this.#answers.values()].findLast(({ element }) => element.isConnected);
    (turn.isSibling ? last : turn.answer)?.refuse(detail);
  }

  #changed() {
    this.#log.toggleAttribute("data-busy", this.isRunning);
    if (!this.isRunning) this.#earlier.begin();
    this.dispatchEvent(new CustomEvent("running", { detail: this.isRunning }));
  }
}

/** A question with its answer on the page, before and after the server knows of them, and the frame that asks. */

import { Answer } from "./answer.js";
import { fragment } from "./fragments.js";

export class Turn {
  /**
   * @param {HTMLElement} question
   * @param {Answer} answer
   * @param {object} frame what the server is sent, but for the request's id
   */
  constructor(question, answer, frame) {
    this.requestId = uuid4();
    this.question = question;
    this.answer = answer;
    /** Sent again after a lost connection, it is still the same request. */
    this.frame = { ...frame, request_id: this.requestId };
    this.isStopWanted = false;
    /** Whether it is to be sent later, when the files that it is about have arrived. */
    this.isHeld = false;
    /** @type {Element[]} what stood on the page in the place of this turn: another branch */
    this.replaced = [];
  }

  /** @param {{content: string, parent?: string}} asked */
  static ask({ content, parent }) {
    return new Turn(asQuestion(content), Answer.begin(), { type: "ask", content, parent });
  }

  /**
   * @param {string} message the question that is put otherwise
   * @param {string} content
   */
  static edit(message, content) {
    return new Turn(asQuestion(content), Answer.begin(), { type: "edit", message, content });
  }

  /**
   * @param {HTMLElement} question
   * @param {string} message an answer to it, beside which there will be another
   */
  static regenerate(question, message) {
    return new Turn(question, Answer.begin(), { type: "regenerate", message });
  }

  /**
   * @param {HTMLElement} question
   * @param {Answer} answer cut, and now gone on with
   */
  static goOn(question, answer) {
    return new Turn(question, answer, { type: "continue", message: answer.id });
  }

  /** Whether another version of a question or an answer is on its way. */
  get isSibling() {
    return this.frame.type === "edit" || this.frame.type === "regenerate";
  }
}

/** @param {string} content */
function asQuestion(content) {
  const question = fragment("question");
  question.querySelector("[data-text]").textContent = content;
  return question;
}

/** A random UUID. `crypto.randomUUID` exists under TLS and on localhost only; a portal may run on neither. */
function uuid4() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

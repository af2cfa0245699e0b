/** A question with its answer on the page, before and after the server knows of them. */

import { Answer } from "./answer.js";
import { fragment } from "./fragments.js";

export class Turn {
  /** @param {{content: string, collections?: string[]}} asked */
  constructor({ content, collections }) {
    this.requestId = uuid4();
    this.content = content;
    this.collections = collections;
    this.answer = Answer.begin();
    this.question = fragment("question");
    this.question.querySelector("[data-text]").textContent = content;
    this.isStopWanted = false;
  }

  /** @returns {object} the frame that asks; sent again after a lost connection, it is still the same question */
  get frame() {
    return { type: "ask", request_id: this.requestId, content: this.content, collections: this.collections };
  }
}

/** A random UUID. `crypto.randomUUID` exists under TLS and on localhost only; a portal may run on neither. */
function uuid4() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

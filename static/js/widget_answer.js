/** One answer in the widget: its stages, its blocks while they stream, and what it cites. */

import { setServerHTML } from "./html.js";
import { sentence } from "./strings.js";

export class Exchange {
  #body;
  #stage;
  id = "";
  isOver = false;
  /** What is said to screen readers when it is over. */
  ending = "";

  constructor(/** @type {HTMLElement} */ element) {
    this.element = element;
    this.#body = element.querySelector("[data-body]");
    this.#stage = element.querySelector("[data-stage]");
  }

  stage(/** @type {string} */ text) {
    this.#stage.textContent = text;
    this.#stage.hidden = !text;
  }

  take(/** @type {any} */ event) {
    this.id = event.message;
    if (event.type === "status") {
      if (!this.#body.childElementCount) {
        this.stage(event.position ? sentence("queued_at", { position: event.position }) : sentence(event.stage));
      }
    } else if (event.type === "block") this.#block(event.index, event.html);
    else if (event.type === "finished") this.#end(event.finish_reason, event.citations);
    else if (event.type === "failed") this.fail(event.detail);
  }

  /** Shows one that was over before. */
  show(/** @type {any} */ message) {
    message.blocks.forEach((html, index) => this.#block(index, html));
    if (message.error) this.fail(message.error.detail);
    else this.#end(message.finish_reason, message.citations);
  }

  fail(/** @type {string} */ text) {
    this.isOver = true;
    this.stage("");
    this.#note(text);
    this.ending = text;
  }

  #note(/** @type {string} */ text) {
    const note = this.element.querySelector("[data-note]");
    note.textContent = text;
    note.hidden = !text;
  }

  #block(/** @type {number} */ index, /** @type {string} */ html) {
    this.stage("");
    while (this.#body.children.length <= index) {
      const block = document.createElement("div");
      block.className = "block";
      block.dir = "auto";
      this.#body.append(block);
    }
    setServerHTML(this.#body.children[index], html);
  }

  #end(/** @type {string} */ reason, /** @type {any[]} */ citations) {
    this.isOver = true;
    this.stage("");
    if (reason === "stopped") this.#note(sentence("stopped"));
    this.ending = sentence({ stopped: "stopped", refused: "refused" }[reason] ?? "answered");
    const list = this.element.querySelector("[data-sources] ol");
    list.replaceChildren(...citations.map((one) => cited(one)));
    this.element.querySelector("[data-sources]").hidden = !citations.length;
    for (const chip of this.#body.querySelectorAll(".chip")) this.#open(chip, citations, list);
  }

  /** A chip opens the quote below: visitors have no page to follow it to. */
  #open(/** @type {Element} */ chip, /** @type {any[]} */ citations, /** @type {Element} */ list) {
    const place = citations.findIndex((one) => String(one.marker) === chip.dataset.marker);
    if (place < 0) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip";
    button.textContent = chip.textContent;
    button.setAttribute("aria-label", sentence("source", citations[place]));
    button.addEventListener("click", () => {
      const details = list.children[place].querySelector("details");
      details.open = true;
      details.querySelector("summary").focus();
    });
    chip.replaceWith(button);
  }
}

/** What documents say is text here, whatever it looks like. */
function cited(/** @type {{marker: number, title: string, page: number, quote: string}} */ { marker, title, page, quote }) {
  const item = document.createElement("li");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const name = document.createElement("bdi");
  name.textContent = title;
  summary.append(`${marker} · `, name, ` · ${sentence("page", { page })}`);
  details.append(summary);
  if (quote) {
    const words = document.createElement("blockquote");
    words.dir = "auto";
    words.textContent = quote;
    details.append(words);
  }
  item.append(details);
  return item;
}

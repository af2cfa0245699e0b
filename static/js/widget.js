/** The chat inside the frame that other web sites show. Nothing of it is the portal's but how HTML enters a page. */

import { announce } from "./announcer.js";
import { fragment } from "./fragments.js";
import { sentence } from "./strings.js";
import { Exchange } from "./widget_answer.js";
import { ask, call, events, forget, keep, kept, mayBegin } from "./widget_session.js";

const $ = (/** @type {string} */ name) => /** @type {HTMLElement} */ (document.querySelector(`[data-${name}]`));
const host = document.body.dataset.host;
const field = /** @type {HTMLTextAreaElement} */ (document.getElementById("question"));
const talk = $("talk");
const ATTEMPTS = 4;
/** @type {Exchange | null} the answer that is being written */
let running = null;

function tell(/** @type {object} */ message) {
  if (host && parent !== window) parent.postMessage(message, host);
}

function trouble(/** @type {string} */ text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
  measure();
}

function measure() {
  const rest = document.querySelector("main");
  const height = document.body.scrollHeight - rest.clientHeight + rest.scrollHeight;
  tell({ docent: "height", height: Math.max(440, Math.min(height, 720)) });
}

function draw() {
  const isRunning = running !== null;
  $("send").hidden = isRunning;
  $("stop").hidden = !isRunning;
  $("welcome").hidden = talk.childElementCount > 0;
  $("new").hidden = talk.childElementCount === 0;
  measure();
}

function addQuestion(/** @type {string} */ text) {
  const question = fragment("question-template");
  question.textContent = text;
  talk.append(question);
}

function addAnswer() {
  const exchange = new Exchange(fragment("answer-template"));
  talk.append(exchange.element);
  return exchange;
}

/** Follows the events of an answer until it is over. */
async function follow(/** @type {Exchange} */ exchange, /** @type {AsyncGenerator<any>} */ stream) {
  running = exchange;
  draw();
  exchange.element.scrollIntoView({ block: "end" });
  try {
    for (let attempt = 0; attempt < ATTEMPTS && !exchange.isOver; attempt++) {
      // Cut off, it is followed anew from its beginning: each block takes the place of what it was.
      if (attempt) await new Promise((resolve) => setTimeout(resolve, attempt * 1000));
      for await (const event of attempt ? events(exchange.id) : stream) {
        if (event.type === "accepted") keep({ conversation: event.conversation });
        exchange.take(event);
        measure();
      }
    }
    if (!exchange.isOver) exchange.fail(sentence("offline"));
  } catch (error) {
    exchange.fail(error.detail ?? sentence("offline"));
  } finally {
    running = null;
    draw();
    announce(exchange.ending);
  }
}

async function send(/** @type {string} */ text) {
  if (running || !text.trim()) return;
  trouble("");
  field.value = "";
  fit();
  // What was said here before comes first.
  await begun;
  if (running) {
    field.value ||= text;
    return;
  }
  addQuestion(text);
  const exchange = addAnswer();
  exchange.stage(sentence("searching"));
  announce(sentence("searching"));
  await follow(exchange, ask(text));
}

async function restore() {
  const { conversation } = kept();
  if (!conversation) return;
  const { results } = await call("GET", `conversations/${conversation}/`);
  for (const one of results) {
    if (one.role === "user") addQuestion(one.content);
    else {
      const exchange = addAnswer();
      exchange.id = one.id;
      if (["pending", "streaming"].includes(one.status)) void follow(exchange, events(one.id));
      else exchange.show(one);
    }
  }
  talk.lastElementChild?.scrollIntoView({ block: "end" });
}

async function begin() {
  try {
    const name = await mayBegin();
    if (name) $("welcome").querySelector(".greeting").prepend(`${sentence("hello", { name })} `);
    await restore();
  } catch (error) {
    if (error.status === 404) forget();
    else trouble(error.code === "visitor_unknown" ? sentence("who") : (error.detail ?? sentence("offline")));
  }
  draw();
}

function fit() {
  field.style.setProperty("height", "auto");
  field.style.setProperty("height", `${Math.min(field.scrollHeight, 140)}px`);
}

field.addEventListener("input", fit);
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  void send(field.value);
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  void send(field.value);
});
$("stop").addEventListener("click", async () => {
  const id = running?.id;
  field.focus();
  if (id) await call("POST", `answers/${id}/stop/`).catch(() => {});
});
for (const sample of document.querySelectorAll("[data-sample]")) {
  sample.addEventListener("click", () => {
    field.focus();
    void send(sample.textContent);
  });
}
$("new").addEventListener("click", () => {
  if (running) return;
  forget();
  talk.replaceChildren();
  trouble("");
  draw();
  announce(sentence("begun"));
  field.focus();
});

$("close").hidden = !host || parent === window;
$("close").addEventListener("click", () => tell({ docent: "close" }));
addEventListener("keydown", (event) => {
  if (event.key === "Escape") tell({ docent: "close" });
});
addEventListener("message", (event) => {
  if (event.source !== parent || !host || event.origin !== host) return;
  if (event.data?.docent === "open") field.focus();
});

// Asked before anybody listened, a question would only be a line in the field.
for (const control of document.querySelectorAll(":disabled")) /** @type {HTMLButtonElement} */ (control).disabled = false;
tell({ docent: "ready" });
const begun = begin();

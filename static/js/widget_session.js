/** In whose name the widget asks: a token that lives in this tab alone, renewed while it is used. No cookie. */

const { key, host, visitors } = document.body.dataset;
const PLACE = `docent.${key}`;
const PATIENCE_MS = 10_000;

/** @type {{token?: string, until?: number, conversation?: string | null}} */
let state = {};
try {
  state = JSON.parse(sessionStorage.getItem(PLACE) ?? "{}");
} catch {
  // A browser that keeps nothing for frames: it lasts as long as the page.
}

/** @returns {{conversation?: string | null}} */
export const kept = () => state;

export function keep(/** @type {object} */ more) {
  state = { ...state, ...more };
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(state));
  } catch {
    // As above.
  }
}

/** Another conversation begins. */
export const forget = () => keep({ conversation: null });

/** Asks the page around us for its word about the visitor. */
function word() {
  return new Promise((resolve) => {
    if (!host || parent === window) {
      resolve(null);
      return;
    }
    const given = (/** @type {MessageEvent} */ event) => {
      if (event.source !== parent || event.origin !== host || event.data?.docent !== "visitor") return;
      removeEventListener("message", given);
      resolve(event.data.token);
    };
    addEventListener("message", given);
    setTimeout(() => resolve(null), PATIENCE_MS);
    parent.postMessage({ docent: "visitor?" }, host);
  });
}

class Refused extends Error {
  constructor(/** @type {number} */ status, /** @type {{code?: string, detail?: string}} */ problem) {
    super(problem.detail);
    this.status = status;
    this.code = problem.code;
    this.detail = problem.detail;
  }
}

async function request(/** @type {string} */ method, /** @type {string} */ path, /** @type {object} */ body, headers = {}) {
  const response = await fetch(`/widget/api/${key}/${path}`, {
    method,
    credentials: "omit",
    headers: {
      ...(state.token ? { "Docent-Visitor": state.token } : {}),
      ...(body ? { "Content-Type": "application/json" } : {}),
      ...headers,
    },
    body: body ? JSON.stringify(body) : undefined,
  });
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
  return response;
}

/** @type {Promise<string> | null} */
let beginning = null;

/**
 * One at a time: whoever asks before the frame has its token would else become another visitor than the one it keeps.
 * @returns {Promise<string>} what the site calls the visitor, if it does
 */
export function mayBegin() {
  beginning ??= begin().finally(() => {
    beginning = null;
  });
  return beginning;
}

async function begin() {
  const visitor = visitors === "signed" ? await word() : null;
  const response = await request("POST", "session/", visitor ? { visitor } : {});
  const { token, expires_in, name } = await response.json();
  keep({ token, until: Date.now() + expires_in * 1000 });
  return name;
}

/** The same request once more where the token was good no longer. */
async function authorised(/** @type {() => Promise<Response>} */ send) {
  if (!state.token || (state.until ?? 0) - Date.now() < 20 * 60_000) await mayBegin();
  try {
    return await send();
  } catch (error) {
    if (error.status !== 401) throw error;
    await mayBegin();
    return send();
  }
}

export async function call(/** @type {string} */ method, /** @type {string} */ path) {
  return (await authorised(() => request(method, path))).json();
}

/** @returns {AsyncGenerator<any>} the events of the answer */
export async function* ask(/** @type {string} */ question) {
  const headers = { "Idempotency-Key": crypto.randomUUID?.() ?? `${Math.random()}${Date.now()}` };
  const body = { question, conversation: state.conversation ?? null };
  let response;
  try {
    response = await authorised(() => request("POST", "ask/", body, headers));
  } catch (error) {
    // It was deleted meanwhile, or another visitor's token came.
    if (error.status !== 404 || !body.conversation) throw error;
    forget();
    response = await request("POST", "ask/", { question, conversation: null });
  }
  yield* read(response);
}

export async function* events(/** @type {string} */ answer) {
  yield* read(await authorised(() => request("GET", `answers/${answer}/events/`)));
}

/** Server-sent events: each has its JSON on one line. */
async function* read(/** @type {Response} */ response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
  }
}

/**
 * Keyboard shortcuts, all of them in one table. A page says what one does by `onShortcut`; where no page has said
 * anything, the shortcut presses what is marked `data-shortcut="its name"`. What no page offers keeps the browser's
 * own meaning, and so does every other key.
 *
 * Escape is not among them: it belongs to what it closes.
 */

const IS_APPLE = /Mac|iP(hone|ad|od)/.test(navigator.platform);
/** Beyond Latin letters: there a key is known by its place. */
const FAR = 0x024f;

/**
 * @typedef {object} Shortcut
 * @property {string} key as a Latin keyboard says it
 * @property {string} code the place of that key
 * @property {boolean} shift
 * @property {boolean} [alone] without Ctrl or ⌘
 */

/** @type {Record<string, Shortcut>} */
const SHORTCUTS = {
  search: { key: "k", code: "KeyK", shift: false },
  "new-chat": { key: "o", code: "KeyO", shift: true },
  sidebar: { key: "s", code: "KeyS", shift: true },
  composer: { key: "escape", code: "Escape", shift: true, alone: true },
  "copy-answer": { key: "c", code: "KeyC", shift: true },
  "copy-code": { key: ";", code: "Semicolon", shift: true },
  shortcuts: { key: "/", code: "Slash", shift: false },
};

/** @type {Map<string, () => void>} */
const actions = new Map();

/**
 * Says what a shortcut does on this page.
 *
 * @param {string} name a key of the table
 * @param {() => void} act
 */
export function onShortcut(name, act) {
  actions.set(name, act);
}

/** Listens from now on, unless the person has switched shortcuts off. */
export function listenForShortcuts() {
  nameKeys();
  if (!("shortcuts" in document.documentElement.dataset)) return;
  // Before anything else hears of the key: Shift+Esc is no Esc.
  document.addEventListener("keydown", pressed, { capture: true });
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  // While a word is composed, keys belong to the input method; some browsers say so by 229 alone.
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  const name = Object.keys(SHORTCUTS).find((one) => matches(event, SHORTCUTS[one]));
  if (!name || (document.querySelector("dialog:modal") && name !== "shortcuts")) return;
  const act = actions.get(name) ?? pressOf(name);
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  if (!event.repeat) act();
}

/**
 * @param {KeyboardEvent} event
 * @param {Shortcut} shortcut
 */
function matches(event, { key, code, shift, alone = false }) {
  const [held, other] = IS_APPLE ? [event.metaKey, event.ctrlKey] : [event.ctrlKey, event.metaKey];
  if (event.altKey || other || held === alone) return false;
  const said = event.key.toLowerCase();
  // Where a slash takes Shift to write, Shift is not what makes the difference.
  if (key === "/") return said === "/" || (isFar(said) && event.code === code && !event.shiftKey);
  if (event.shiftKey !== shift) return false;
  if (key === ";") return said === ";" || (event.code === code && (said === ":" || isFar(said)));
  return said === key || (isFar(said) && event.code === code);
}

/** @param {string} said by a key */
function isFar(said) {
  return said.length === 1 && said.charCodeAt(0) > FAR;
}

/** @param {string} name */
function pressOf(name) {
  const target = /** @type {HTMLElement | null} */ (document.querySelector(`[data-shortcut="${name}"]`));
  return target && (() => target.click());
}

/** The list says ⌘ where that is the key. */
function nameKeys() {
  if (!IS_APPLE) return;
  for (const key of document.querySelectorAll("[data-modifier]")) key.textContent = "⌘";
}

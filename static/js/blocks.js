/**
 * The bars over code and tables of an answer: copy, wrap, download. They are there from the first line that streams,
 * so that nothing moves when the answer is whole.
 */

import { announce } from "./announcer.js";
import { copyCode, copyTable } from "./clipboard.js";
import { fragment } from "./fragments.js";
import { languageOf } from "./markdown.js";
import { sentence } from "./strings.js";

const EXTENSIONS = {
  bash: "sh", c: "c", cpp: "cpp", csharp: "cs", css: "css", csv: "csv", diff: "diff", go: "go", html: "html", ini: "ini",
  java: "java", javascript: "js", js: "js", json: "json", kotlin: "kt", markdown: "md", md: "md", php: "php",
  powershell: "ps1", py: "py", python: "py", r: "r", rb: "rb", ruby: "rb", rs: "rs", rust: "rs", sh: "sh", shell: "sh",
  sql: "sql", swift: "swift", toml: "toml", ts: "ts", typescript: "ts", xml: "xml", yaml: "yaml", yml: "yml",
};

/**
 * Puts a bar over each piece of code and each table that has none.
 *
 * @param {Element} root
 */
export function frameBlocks(root) {
  for (const pre of root.querySelectorAll("pre")) {
    if (!pre.closest("[data-frame]")) frameCode(/** @type {HTMLPreElement} */ (pre));
  }
  for (const table of root.querySelectorAll("table")) {
    if (!table.closest("[data-frame]")) frameTable(table);
  }
}

/** @param {HTMLPreElement} pre */
function frameCode(pre) {
  const frame = fragment("code-frame");
  const language = languageOf(pre);
  // Not as text: it is no word of the answer.
  frame.querySelector("[data-language]").setAttribute("data-language", language);
  pre.replaceWith(frame);
  frame.append(pre);
  pre.tabIndex = 0;
  pre.setAttribute("role", "group");
  pre.setAttribute("aria-label", [sentence("code"), language].filter(Boolean).join(", "));
  on(frame, "copy-code", (button) => copyCode(pre, button));
  on(frame, "download", () => download(pre.textContent, `code.${EXTENSIONS[language.toLowerCase()] ?? "txt"}`));
  on(frame, "wrap", (button) => {
    const isWrapped = frame.toggleAttribute("data-wrapped");
    button.setAttribute("aria-pressed", String(isWrapped));
    announce(sentence(isWrapped ? "lines_wrapped" : "lines_unwrapped"));
  });
}

/** @param {HTMLTableElement} table */
function frameTable(table) {
  const frame = fragment("table-frame");
  table.replaceWith(frame);
  frame.querySelector("[data-scroll]").append(table);
  on(frame, "copy-table", (button) => copyTable(table, button));
}

/**
 * @param {Element} frame
 * @param {string} name of a button
 * @param {(button: HTMLElement) => void} act
 */
function on(frame, name, act) {
  const button = /** @type {HTMLElement} */ (frame.querySelector(`[data-${name}]`));
  button.addEventListener("click", () => act(button));
}

/**
 * @param {string} text
 * @param {string} name
 */
function download(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
  announce(sentence("downloaded", { name }));
}

/**
 * An answer on the page as Markdown: the way back from what the server's renderer makes, which is a small part of
 * HTML. Chips become their numbers in brackets; what is no markup here must not become one elsewhere.
 */

const INLINE = { strong: "**", em: "*", s: "~~" };
/** Signs that mean something to Markdown where they stand. */
const SIGNS = /[\\`]|\*(?=\S)|(?<=\S)\*|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|~~|<(?=[a-z/!?])|\](?=\(|\[)|^(?=#{1,6}\s|[>+-]\s)/giu;
const NUMBERED = /^(\d+)(?=[.)]\s)/u;

/**
 * @param {Element} body of an answer: its blocks, each an element around what was rendered
 * @returns {string}
 */
export function markdownOf(body) {
  return [...body.children].flatMap((block) => blocks(block)).join("\n\n");
}

/**
 * @param {Element} parent
 * @returns {string[]} its blocks; words that stand in it without one are a paragraph
 */
function blocks(parent) {
  const found = [];
  /** @type {Node[]} */
  let words = [];
  const settle = () => {
    const text = line(words);
    if (text) found.push(text);
    words = [];
  };
  for (const node of parent.childNodes) {
    const make = node instanceof Element ? MAKERS[node.localName] : undefined;
    if (!make) words.push(node);
    else {
      settle();
      found.push(make(/** @type {Element} */ (node)));
    }
  }
  settle();
  return found.filter(Boolean);
}

/** @type {Record<string, (element: Element) => string>} */
const MAKERS = {
  p: (element) => line(element.childNodes),
  hr: () => "---",
  pre: fenced,
  blockquote: (element) => indented(blocks(element).join("\n\n"), "> ", "> "),
  ul: (element) => items(element, () => "- "),
  ol: (element) => items(element, (place) => `${Number(element.getAttribute("start") ?? 1) + place}. `),
  table,
  // What the page puts around code and tables is no part of them.
  div: (element) => blocks(element).join("\n\n"),
  ...Object.fromEntries(
    [1, 2, 3, 4, 5, 6].map((level) => [
      `h${level}`,
      (/** @type {Element} */ element) => `${"#".repeat(level)} ${line(element.childNodes)}`,
    ]),
  ),
};

/**
 * @param {Element} list
 * @param {(place: number) => string} sign
 */
function items(list, sign) {
  const entries = [...list.children].map((item, place) => {
    const mark = sign(place);
    const content = blocks(item);
    const isLoose = [...item.children].some((child) => child.localName === "p");
    return indented(content.join(isLoose ? "\n\n" : "\n"), mark, " ".repeat(mark.length));
  });
  return entries.join("\n");
}

/**
 * @param {string} text
 * @param {string} first
 * @param {string} others what the other lines begin with
 */
function indented(text, first, others) {
  return text
    .split("\n")
    .map((one, number) => `${number ? others : first}${one}`.trimEnd())
    .join("\n");
}

/** @param {Element} pre */
function fenced(pre) {
  const code = pre.textContent.replace(/\n$/, "");
  const longest = Math.max(0, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(Math.max(3, longest + 1));
  return `${fence}${languageOf(pre)}\n${code}\n${fence}`;
}

/**
 * @param {Element} pre
 * @returns {string} what the answer calls the language of a piece of code; empty where it does not
 */
export function languageOf(pre) {
  const name = /(?:^|\s)language-(\S+)/.exec(pre.querySelector("code")?.className ?? "");
  return name ? name[1] : "";
}

/** @param {Element} element */
function table(element) {
  const [head, ...rows] = [...element.querySelectorAll("tr")].map((row) => [...row.children]);
  const rules = { left: ":--", center: ":-:", right: "--:" };
  const lines = [
    head.map(cell),
    head.map((one) => rules[/** @type {HTMLElement} */ (one).dataset.align] ?? "---"),
    ...rows.map((row) => row.map(cell)),
  ];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** @param {Element} element */
function cell(element) {
  return line(element.childNodes).replace(/\s*\n/g, " ").replaceAll("|", "\\|");
}

/** @param {Iterable<Node>} nodes */
function line(nodes) {
  return inline(nodes).trim().replace(NUMBERED, "$1\\");
}

/**
 * @param {Iterable<Node>} nodes
 * @returns {string}
 */
function inline(nodes) {
  let text = "";
  for (const node of nodes) {
    if (node instanceof Text) text += node.data.replace(/\s+/g, " ").replace(SIGNS, "\\$&");
    else if (node instanceof HTMLElement) text += worded(node);
  }
  return text;
}

/** @param {HTMLElement} element */
function worded(element) {
  if (element.matches(".chip")) return `[${element.dataset.marker}]`;
  if (element.localName === "br") return "  \n";
  if (element.localName === "code") return coded(element.textContent);
  const sign = INLINE[element.localName] ?? "";
  return `${sign}${inline(element.childNodes)}${sign}`;
}

/** @param {string} code */
function coded(code) {
  const longest = Math.max(0, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const sign = "`".repeat(longest + 1);
  const room = longest ? " " : "";
  return `${sign}${room}${code}${room}${sign}`;
}

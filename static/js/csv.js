/** A table as CSV (RFC 4180) that a spreadsheet reads as words and numbers, and never as formulas. */

const FORMULA = /^[=+\-@\t\r]/;
const QUOTED = /[",\r\n]|^\s|\s$/;

/**
 * @param {HTMLTableElement} table
 * @returns {string} without the chips: a citation's number is no part of a figure
 */
export function csvOf(table) {
  return [...table.rows].map((row) => [...row.cells].map(field).join(",")).join("\r\n");
}

/** @param {HTMLTableCellElement} cell */
function field(cell) {
  const copy = /** @type {HTMLElement} */ (cell.cloneNode(true));
  for (const chip of copy.querySelectorAll(".chip")) chip.remove();
  for (const end of copy.querySelectorAll("br")) end.replaceWith("\n");
  const text = copy.textContent.trim();
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

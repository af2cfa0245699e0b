/** The page's language, for what scripts write themselves. */

/** With the digits 0 to 9 wherever: pages and citations are numbered so. */
export const locale = new Intl.Locale(document.documentElement.lang || "en", { numberingSystem: "latn" }).toString();

const rules = new Intl.PluralRules(locale);

/**
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [format]
 */
export function figure(value, format = { useGrouping: "min2" }) {
  return new Intl.NumberFormat(locale, format).format(value);
}

/**
 * The form that goes with a number.
 * @param {Record<string, string>} forms by the Unicode consortium's names for them: one, few, other
 * @param {number} count
 */
export function formFor(forms, count) {
  return forms[rules.select(count)] ?? forms.other;
}

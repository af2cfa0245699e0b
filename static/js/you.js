/** One's own settings: the theme is seen as soon as it is chosen, and the long list of time zones can be searched. */

import { showTheme } from "./theme.js";

document.querySelector("[data-themes]").addEventListener("change", (event) => {
  showTheme(/** @type {HTMLInputElement} */ (event.target).value);
});

const search = /** @type {HTMLInputElement} */ (document.querySelector("[data-zone-search]"));
const zones = /** @type {HTMLSelectElement} */ (document.getElementById("your-zone"));
const kept = zones.value;

search.hidden = false;
search.addEventListener("input", () => {
  const wanted = folded(search.value.trim());
  for (const group of zones.querySelectorAll("optgroup")) {
    const isRegion = folded(group.label).includes(wanted);
    for (const option of group.querySelectorAll("option")) {
      option.hidden = !isRegion && !folded(`${option.value} ${option.text}`).includes(wanted);
    }
    group.hidden = [...group.querySelectorAll("option")].every((option) => option.hidden);
  }
  const first = [...zones.options].find((option) => !option.hidden && option.value);
  zones.value = (wanted && first?.value) || kept;
});
// The form is sent by its button.
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  zones.focus();
});

/** @param {string} text */
function folded(text) {
  return text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
}

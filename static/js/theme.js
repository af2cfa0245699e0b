/** Light, dark or as the system: kept in a cookie, so that the server renders the right one at once. */

const YEAR = 31_536_000;

/** Shows the choice, which does nothing without scripts, and listens to it. */
export function offerThemes() {
  const choice = /** @type {HTMLElement} */ (document.querySelector("[data-theme-choice]"));
  choice.hidden = false;
  choice.addEventListener("change", (event) => {
    const theme = /** @type {HTMLInputElement} */ (event.target).value;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
  });
}

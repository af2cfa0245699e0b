/** The sidebar as a drawer on narrow screens. */

const sidebar = document.getElementById("sidebar");

/** Opens and closes the drawer; without scripts, `:target` does the same. */
export function moveDrawer() {
  const opener = /** @type {HTMLElement} */ (document.querySelector("[data-open-sidebar]"));
  const stage = /** @type {HTMLElement} */ (document.querySelector(".stage"));
  const open = () => {
    sidebar.dataset.open = "";
    stage.inert = true;
    /** @type {HTMLElement} */ (sidebar.querySelector(".close-sidebar")).focus();
  };
  const close = () => {
    if (!("open" in sidebar.dataset)) return;
    delete sidebar.dataset.open;
    stage.inert = false;
    opener.focus();
  };
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    open();
  });
  for (const closer of document.querySelectorAll("[data-close-sidebar]")) {
    closer.addEventListener("click", (event) => {
      event.preventDefault();
      close();
    });
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && close());
  matchMedia("(width >= 60rem)").addEventListener("change", (event) => event.matches && close());
}

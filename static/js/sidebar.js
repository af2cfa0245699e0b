/** The sidebar as a drawer on narrow screens. */

const WIDE = matchMedia("(width >= 60rem)");
const sidebar = document.getElementById("sidebar");

/**
 * On narrow screens the sidebar is a drawer, of which nothing else can be reached while it is open; without scripts,
 * `:target` opens it. On wide ones it is a column, which this browser may put away.
 *
 * @returns {() => void} what opens or closes it, whichever it is
 */
export function moveDrawer() {
  const opener = /** @type {HTMLElement} */ (document.querySelector("[data-open-sidebar]"));
  const closer = /** @type {HTMLElement} */ (sidebar.querySelector(".close-sidebar"));
  // What a dialog or the note that offers "Undo" says comes from the drawer too.
  const stays = '.scrim, dialog, [data-announcer], [role="status"]';
  const others = [...document.body.children].filter((one) => one !== sidebar && !one.matches(stays));
  const open = () => {
    sidebar.dataset.open = "";
    for (const other of others) /** @type {HTMLElement} */ (other).inert = true;
    closer.focus();
  };
  const close = () => {
    if (!("open" in sidebar.dataset)) return;
    delete sidebar.dataset.open;
    for (const other of others) /** @type {HTMLElement} */ (other).inert = false;
    opener.focus();
  };
  const show = (/** @type {boolean} */ shown) => {
    if (!WIDE.matches) return shown ? open() : close();
    const hadFocus = sidebar.contains(document.activeElement) || document.activeElement === opener;
    putAway(!shown);
    if (hadFocus) (shown ? closer : opener).focus();
  };
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    show(true);
  });
  for (const one of document.querySelectorAll("[data-close-sidebar]")) {
    one.addEventListener("click", (event) => {
      event.preventDefault();
      show(false);
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog:modal")) close();
  });
  WIDE.addEventListener("change", (event) => event.matches && close());
  return () => show(WIDE.matches ? isAway() : !("open" in sidebar.dataset));
}

function isAway() {
  return document.documentElement.dataset.sidebar === "closed";
}

/** @param {boolean} away kept in a cookie, so that the server renders the next page so at once */
function putAway(away) {
  if (away) document.documentElement.dataset.sidebar = "closed";
  else delete document.documentElement.dataset.sidebar;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `sidebar=${away ? "closed" : "open"}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

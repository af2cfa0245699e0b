/* The widget's only code on a page: a button, and a frame from where this file came. See docs/widget.md. */
(() => {
  const me = document.currentScript;
  const site = me?.dataset.site;
  if (!site || document.querySelector("docent-widget")) return;
  const home = new URL(me.src).origin;
  const label = me.dataset.label || "Ask a question";
  const colour = /^#[0-9a-f]{6}$/i.test(me.dataset.accent) ? me.dataset.accent : "#0b5c5f";

  const host = document.createElement("docent-widget");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; position: fixed; inset: auto 1.25rem 1.25rem auto; z-index: 2147483000;
      display: grid; justify-items: end; gap: .75rem; }
    iframe { width: min(24rem, calc(100vw - 2.5rem)); height: min(var(--tall, 34rem), calc(100dvh - 7rem)); border: 0;
      border-radius: .875rem; box-shadow: 0 .75rem 2.5rem rgb(0 0 0 / 28%); background: Canvas; color-scheme: light dark; }
    [hidden] { display: none; }
    button { all: unset; box-sizing: border-box; display: grid; place-items: center; width: 3.5rem; height: 3.5rem;
      border-radius: 50%; color: #fff; background: ${colour}; cursor: pointer;
      box-shadow: 0 .25rem 1rem rgb(0 0 0 / 30%); }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px ${colour}; }
    svg { width: 1.625rem; height: 1.625rem; fill: none; stroke: currentColor; stroke-width: 2;
      stroke-linecap: round; stroke-linejoin: round; }
    @media (prefers-reduced-motion: no-preference) {
      iframe { transition: height 160ms ease; } button { transition: scale 120ms ease; } button:hover { scale: 1.05; } }
    @media (max-width: 30rem) {
      iframe { position: fixed; inset: 0; width: 100vw; height: 100dvh; border-radius: 0; transition: none; }
      button[aria-expanded="true"] { display: none; } }
    @media print { :host { display: none; } }`);
  root.adoptedStyleSheets = [sheet];

  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.setAttribute("aria-expanded", "false");
  const svg = (name, parts) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in parts) made.setAttribute(key, parts[key]);
    return made;
  };
  const icon = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
  icon.append(svg("path", { d: "M21 11.5a8.4 8.4 0 0 1-12.2 7.4L3 21l2-5.6A8.4 8.4 0 1 1 21 11.5z" }));
  button.append(icon);
  root.append(button);

  let frame;
  let isReady = false;
  const tell = (message) => frame.contentWindow.postMessage(message, home);
  const isOpen = () => button.getAttribute("aria-expanded") === "true";

  function show(open) {
    if (open === isOpen()) return;
    if (!frame) {
      frame = document.createElement("iframe");
      frame.title = label;
      frame.referrerPolicy = "no-referrer";
      frame.src = `${home}/widget/${encodeURIComponent(site)}/?origin=${encodeURIComponent(location.origin)}`;
      root.prepend(frame);
    }
    frame.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) {
      frame.focus();
      if (isReady) tell({ docent: "open" });
    } else button.focus();
  }

  button.addEventListener("click", () => show(!isOpen()));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen() && document.activeElement === host) show(false);
  });

  addEventListener("message", async (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== home) return;
    const { docent, height } = event.data ?? {};
    if (docent === "close") show(false);
    else if (docent === "ready") {
      isReady = true;
      if (isOpen()) tell({ docent: "open" });
    } else if (docent === "height" && height > 0 && height < 4000) host.style.setProperty("--tall", `${height}px`);
    else if (docent === "visitor?") {
      const token = me.dataset.visitor ?? (await window.docentVisitor?.());
      tell({ docent: "visitor", token: typeof token === "string" ? token : null });
    }
  });

  (document.body ?? document.documentElement).append(host);
})();

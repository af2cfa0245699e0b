import sys, asyncio
from playwright.sync_api import sync_playwright
PORT = 8766
SHOTS = {
 "new": "/o/acme/", "fresh": "/o/acme/?fresh", "chat": "/o/acme/c/00000000-0000-0000-0000-000000000007/", "ends": "/o/acme/c/00000000-0000-0000-0000-000000000007/?state=ends",
 "documents": "/o/acme/documents/", "docs0": "/o/acme/documents/?fresh", "passage": "/o/acme/d/00000000-0000-0000-0000-000000000009/v/1/p/14", "passagetext": "/o/acme/d/00000000-0000-0000-0000-000000000009/v/2/p/14",
 "home": "/", "login": "/accounts/login/", "loginbad": "/accounts/login/?bad", "choose": "/choose/", "404": "/404/"}
SIZES = {"d": (1280, 800), "m": (390, 844), "s": (320, 640)}
names = sys.argv[1].split(",") if sys.argv[1] != "all" else list(SHOTS)
sizes = sys.argv[2].split(","); themes = sys.argv[3].split(",")
actions = sys.argv[4] if len(sys.argv) > 4 else ""
with sync_playwright() as p:
    b = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    for s in sizes:
        for t in themes:
            ctx = b.new_context(viewport={"width": SIZES[s][0], "height": SIZES[s][1]}, color_scheme=t, has_touch=s != "d", is_mobile=s != "d")
            page = ctx.new_page()
            page.on("console", lambda m: print("CONSOLE", m.type, m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda e: print("ERROR", e))
            for n in names:
                page.goto(f"http://127.0.0.1:{PORT}{SHOTS[n]}"); page.wait_for_load_state("load"); page.wait_for_timeout(350)
                over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if over > 0: print("OVERFLOW", n, s, over)
                tag = ""
                if actions:
                    exec(actions); tag = "-act"
                page.screenshot(path=f"/tmp/shots/{n}-{s}-{t}{tag}.png")
            ctx.close()
    b.close()

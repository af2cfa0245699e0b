"""What a page says, and which of it nobody has translated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from playwright.async_api import Page

from config.catalogues.pseudo import CLOSE, OPEN

# Names that are the same in every language, and what a file's format is called.
NAMES = ("Docent", "MCP", "JSON", "CSV", "PDF", "Markdown", "HTML", "REST", "API")
# Letters outside the brackets, in the order of the page; what is somebody's own words or a program's is marked as
# such: by its direction (which is its own too), as code, as a time, or as what is not to be translated. Templates
# are what the page will say.
_BARE = """([open, close]) => {
    const own = '[dir=auto], bdi, code, pre, kbd, samp, time, textarea, [translate=no], body [lang], '
        + 'script, style, svg, noscript';
    const said = ['aria-label', 'aria-description', 'title', 'placeholder', 'alt', 'data-confirm', 'label'];
    const found = [];
    let depth = 0, bare = '';
    const settle = (where) => {
        if (/\\p{L}/u.test(bare)) found.push(`${where}: ${bare.trim()}`);
        bare = '';
    };
    const path = (node) => `${node.localName}.${[...node.classList].join('.')}`;
    const read = (root) => {
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
        for (let node = walker.currentNode; node; node = walker.nextNode()) {
            if (node.nodeType === Node.ELEMENT_NODE) {
                const isOwn = node.closest('svg, [translate=no]');
                for (const name of said.filter((one) => node.hasAttribute(one) && !isOwn)) {
                    const rest = node.getAttribute(name).replace(/⟦[^⟦⟧]*⟧/gu, '').replace(/⟦[^⟦⟧]*⟧/gu, '');
                    if (/\\p{L}/u.test(rest)) found.push(`${path(node)}[${name}]: ${rest}`);
                }
                if (node.content) read(node.content);
                continue;
            }
            if (!node.parentElement || node.parentElement.closest(own)) continue;
            for (const letter of node.data) {
                if (letter === open) depth += 1;
                else if (letter === close) depth -= 1;
                else if (depth === 0) bare += letter;
            }
            settle(path(node.parentElement));
        }
    };
    read(document.body);
    return [...found, `title: ${document.title}`];
}"""


async def bare_words(page: Page, own: Iterable[str] = ()) -> list[str]:
    """Places and words of the page outside the pseudo-language's brackets, but for what these patterns match."""
    found: Any = await page.evaluate(_BARE, [OPEN, CLOSE])
    return [one for one in found if _has_words(one, own)]


def _has_words(found: str, own: Iterable[str]) -> bool:
    said = found.partition(": ")[2]
    for name in (*own, *NAMES):
        said = re.sub(name, "", said)
    said = re.sub(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}", "", said)
    said = re.sub(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}", "", said)
    return any(letter.isalpha() for letter in said)

"""Scripts of a page: each with the request's nonce, and a module with all that it imports asked for at once."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.contrib.staticfiles import finders
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_IMPORT = re.compile(r"""^(?:import|export)\b[^"'();]*["']\./([^"']+)["']""", re.MULTILINE)


@register.simple_tag(takes_context=True)
def module_script(context: Context, path: str, *, blocking: bool = False) -> SafeString:
    """An ES module of ours, like `js/chat.js`; `blocking` where nothing is to be painted before it has run.

    A browser learns what a module imports only when it has read it: of a chain of five each would wait for the one
    before. So the page names them all.
    """
    nonce = context["request"].csp_nonce
    rendered: Any = context.render_context
    named: set[str] = rendered.setdefault("modules", set())
    new = [one for one in imported_by(path) if one not in named]
    named.update(new)
    links = ((nonce, static(one)) for one in new)
    preloads = format_html_join("\n  ", '<link rel="modulepreload" nonce="{}" href="{}">', links)
    script = format_html(
        '<script type="module" nonce="{}" src="{}"{}></script>',
        nonce,
        static(path),
        SafeString(' blocking="render"' if blocking else ""),
    )
    return format_html("{}\n  {}", preloads, script)


@register.simple_tag(takes_context=True)
def classic_script(context: Context, path: str) -> SafeString:
    """A script that a framework brings."""
    return format_html('<script nonce="{}" src="{}"></script>', context["request"].csp_nonce, static(path))


@cache
def imported_by(path: str) -> tuple[str, ...]:
    """What a module imports, and what that does, the nearest first."""
    found = [path]
    for one in found:
        folder, _, _ = one.rpartition("/")
        source = finders.find(one)
        code = Path(source).read_text(encoding="utf-8") if isinstance(source, str) else ""
        found += [name for each in _IMPORT.findall(code) if (name := f"{folder}/{each}") not in found]
    return tuple(dict.fromkeys(found[1:]))

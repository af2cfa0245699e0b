"""Answers as safe HTML, block by block: Markdown is parsed here and never in the browser.

markdown-it-py without HTML, then nh3 last. Links are inert text, images do not exist, and a `[n]` becomes
a chip only when `n` is a source of this answer.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any

import nh3
from django.conf import settings
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from conversations.citing.markers import markers_in
from conversations.unfinished_markdown import calmed

_TAGS = {
    "p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "hr",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "a", "span",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"class", "data-marker", "href"},
    "span": {"class"},
    "code": {"class"},
    "ol": {"start"},
    "th": {"data-align"},
    "td": {"data-align"},
}


# What Markdown takes for one; `str.splitlines` knows a dozen more.
_LINE_BREAK = re.compile(r"\r\n?|\n")


def _marker_rule(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    if state.src[state.pos] != "[":
        return False
    found = markers_in(state.src[state.pos : state.pos + 48])
    if not found or found[0][0] != 0:
        return False
    _start, end, numbers = found[0]
    chips: Mapping[int, str | None] = state.env.get("chips", {})
    if not all(number in chips for number in numbers):
        return False
    if not silent:
        token = state.push("chips", "", 0)
        token.meta = {"numbers": numbers}
    state.pos += end
    return True


class _Renderer(RendererHTML):
    """Chips for markers; links as their text and address, images as their description."""

    def chips(self, tokens: Sequence[Token], idx: int, _options: Any, env: Any) -> str:
        parts = []
        for number in tokens[idx].meta["numbers"]:
            url = env["chips"][number]
            href = f' href="{escape(url)}"' if url else ""
            parts.append(f'<a class="chip" data-marker="{number}"{href}>{number}</a>')
        return "".join(parts)

    def link_open(self, tokens: Sequence[Token], idx: int, _options: Any, _env: Any) -> str:
        tokens[idx].meta["is_auto"] = tokens[idx].info == "auto"
        return '<span class="inert-link">'

    def link_close(self, tokens: Sequence[Token], idx: int, _options: Any, _env: Any) -> str:
        opening = next(one for one in reversed(tokens[:idx]) if one.type == "link_open")
        address = "" if opening.info == "auto" else f" ({escape(str(opening.attrs.get('href', '')))})"
        return f"{address}</span>"

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return escape(self.renderInlineAsText(tokens[idx].children or [], options, env))

    def td_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        _move_alignment(tokens[idx])
        return self.renderToken(tokens, idx, options, env)

    th_open = td_open


def _move_alignment(token: Token) -> None:
    """An inline style is against the content security policy; the style sheet knows `data-align`."""
    style = str(token.attrs.pop("style", ""))
    if style:
        token.attrs["data-align"] = style.partition(":")[2]


def _parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
    markdown.enable(["table", "strikethrough"])
    # Without definitions elsewhere in the text a block means the same alone as in its place.
    markdown.disable(["reference"])
    markdown.inline.ruler.before("link", "marker", _marker_rule)
    return markdown


_MARKDOWN = _parser()


def _render(tokens: Sequence[Token], chips: Mapping[int, str | None]) -> str:
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {"chips": chips})
    return nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None, url_schemes={"http", "https"})


def _blocks(text: str, chips: Mapping[int, str | None]) -> list[tuple[int, list[Token]]]:
    """The top-level blocks: the line each begins at, and its tokens."""
    blocks: list[tuple[int, list[Token]]] = []
    for token in _MARKDOWN.parse(text, {"chips": chips}):
        if token.level == 0 and token.nesting >= 0:
            blocks.append((token.map[0] if token.map else 0, []))
        blocks[-1][1].append(token)
    return blocks


def render_blocks(text: str, chips: Mapping[int, str | None]) -> list[str]:
    """A whole answer as HTML, a string a block. `chips` maps each citable marker to its address."""
    return [_render(tokens, chips) for _line, tokens in _blocks(text, chips)]


class BlockStream:
    """Renders a growing text: finished blocks once, the last one anew each time."""

    def __init__(self) -> None:
        self._settled = 0  # characters whose blocks will not change any more
        self._count = 0

    def update(
        self, text: str, chips: Mapping[int, str | None], *, is_over: bool = False
    ) -> list[tuple[int, str]]:
        """The blocks that are new or changed, by index.

        Unless no more text comes, what is half written waits or is closed (`calmed`), and what may be the head of
        a table waits for its second line.
        """
        tail = text[self._settled :]
        blocks = _blocks(tail, chips)
        if not is_over and blocks:
            calm = calmed(tail, ends_in_code=_ends_in_code(blocks[-1][1]))
            blocks = blocks if calm == tail else _blocks(calm, chips)
        shown = blocks[:-1] if blocks and not is_over and _may_become_table(blocks[-1][1]) else blocks
        changed = [(self._count + place, _render(tokens, chips)) for place, (_line, tokens) in enumerate(shown)]
        if len(blocks) > 1:
            breaks = islice(_LINE_BREAK.finditer(tail), blocks[-1][0])
            self._settled += max((one.end() for one in breaks), default=0)
            self._count += len(blocks) - 1
        return changed


def _ends_in_code(tokens: Sequence[Token]) -> bool:
    leaves = [token.type for token in tokens if token.type in {"inline", "fence", "code_block"}]
    return bool(leaves) and leaves[-1] != "inline"


def _may_become_table(tokens: Sequence[Token]) -> bool:
    return len(tokens) > 1 and tokens[0].type == "paragraph_open" and tokens[1].content.startswith("|")


def portal_chips(places: Sequence[Mapping[str, Any]]) -> dict[int, str | None]:
    """Sources or citations as `chips`, by their addresses inside the portal."""
    return {place["marker"]: place["url"] for place in portal_places(places)}


def portal_places(places: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same with addresses without the host, which may be reached by another name."""
    return [
        {**place, "url": place["url"] and place["url"].removeprefix(settings.DOCENT_PUBLIC_URL)}
        for place in places
    ]

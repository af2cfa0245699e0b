"""A growing answer, so that what is half written is not shown as something else than it will be.

A link waits for its address, a line for what makes it a list or a heading; what is emphasised or code is so from
its first word on.
"""

import re

# A label, alone or with the beginning of its address; numbers in brackets are citations, which are there at once.
_LINK = re.compile(
    r"!?\[(?![\d,\s]*\]?$)[^\[\]\n]{0,300}"
    r"(?:\]?|\]\([^()\n]{0,2000}(?:\([^()\n]{0,500}\)?[^()\n]{0,500})?)$"
)
_AUTOLINK = re.compile(r"<(?:[a-z][a-z0-9+.-]{1,30}:[^\s<>]*|[a-z0-9+.-]{0,30})$", re.IGNORECASE)
# What may yet become a bullet, a number, a rule, a heading, a quotation, or a fence.
_LINE_BEGUN = re.compile(r"(?:^|\n)[ \t]*(?:[-=*+_]{1,3}|\d{1,9}[.)]?|#{1,6}|>|`{1,3}\w*)?[ \t]*$")
# Half of what opens, or of what closes; or a sign that the next one makes mean nothing.
_SIGNS_AT_END = re.compile(r"(?:\\?[*_~]{1,3}|`{1,2}|\\|(?<!\S)!)$")
# In a piece of code, what may be half of its end.
_FENCE_BEGUN = re.compile(r"\n[ \t]*(?:`{1,2}|~{1,2})$")
_BACKTICKS = re.compile(r"`+")
_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_EMPHASIS = re.compile(r"(?<!\\)(?:\*\*|\*|~~)")


def calmed(text: str, *, ends_in_code: bool) -> str:
    """Blocks of which the last one is unfinished: it is closed, or cut short."""
    if ends_in_code:
        return _FENCE_BEGUN.sub("\n", text)
    text = _LINE_BEGUN.sub("", text)
    start = text.rfind("\n\n") + 1
    return text[:start] + _emphasis_closed(_cut(_code_closed(text[start:])))


def _code_closed(paragraph: str) -> str:
    opened = ""
    for found in _BACKTICKS.finditer(paragraph):
        if not opened:
            opened = found[0]
        elif found[0] == opened:
            opened = ""
    if not opened:
        return paragraph
    # The sign alone is no code yet, and some at its end may be half of those that end it.
    written = paragraph.rstrip("`")
    return written + opened if opened in written else written


def _cut(paragraph: str) -> str:
    for unfinished in (_SIGNS_AT_END, _LINK, _AUTOLINK):
        found = unfinished.search(_without_code(paragraph))
        paragraph = paragraph[: found.start()] if found else paragraph
    return paragraph


def _without_code(paragraph: str) -> str:
    """As long as before: in code every sign means itself."""
    return _CODE.sub(lambda code: "x" * len(code[0]), paragraph)


def _emphasis_closed(paragraph: str) -> str:
    plain = _without_code(paragraph)
    opened: list[str] = []
    for found in _EMPHASIS.finditer(plain):
        before, after = plain[: found.start()][-1:], plain[found.end() :][:1]
        if opened and opened[-1] == found[0] and not before.isspace():
            opened.pop()
        elif after and not after.isspace() and not before.isalnum():
            opened.append(found[0])
    return (paragraph.rstrip() if opened else paragraph) + "".join(reversed(opened))

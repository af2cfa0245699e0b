"""What went wrong with a file, in the reader's language.

Parsers and sources are plain Python and raise English sentences, which are stored. Those that are always the same
are translated as they are; those with a number or a name in them are recognised by these patterns.
"""

import re
from functools import cache

from django.utils.translation import gettext, gettext_noop

PATTERNS = (
    gettext_noop("{gone} of {known} documents are not there any more. If that is meant, say --allow-empty."),
    gettext_noop("The archive holds more than {number} files. Split it."),
    gettext_noop("The document has more than {number} characters of text. Split it."),
    gettext_noop("The document has more than {number} pages. Split it."),
    gettext_noop("The document has no page {number}."),
    gettext_noop("The file cannot be read ({reason})."),
    gettext_noop("The file has more than {number} MB. Split it."),
    gettext_noop("The file is called {extension} but is {kind}. {advice}"),
    gettext_noop("The file is larger than {number} MB. Split it."),
    gettext_noop("The file makes its reader fail ({reason}). Export it anew, then upload that file."),
    gettext_noop("The folder cannot be read ({reason}). Nothing was changed."),
    gettext_noop("The host answered with {status} instead of the page."),
    gettext_noop("The mail has more than {number} attachments."),
    gettext_noop("The page is larger than {number} MB. Add a part of it."),
    gettext_noop("The page is not open to everybody ({status}). Upload it as a file."),
    gettext_noop("The page {said}. Web pages, text, Markdown, CSV, PDF and Office files are read."),
    gettext_noop("The page was not there within {number} seconds."),
    gettext_noop("Reading the file needs more than {number} MB of memory. Split the document."),
    gettext_noop("Reading the file took longer than {number} seconds. Split the document."),
    gettext_noop("Recognising the text of the scan took longer than {number} seconds. Split the document."),
    gettext_noop("The PDF is a portfolio of other files ({names}). Take them out and upload them."),
    gettext_noop("There is no such page any more ({status}). Remove it here, or add its new address."),
)


def told(detail: str) -> str:
    """A stored sentence in the language of the moment; as it is, if nobody has translated it."""
    said = gettext(detail)
    if said != detail or not detail:
        return said
    for pattern in PATTERNS:
        match = _expression(pattern).fullmatch(detail)
        if match is not None:
            return gettext(pattern).format(**match.groupdict())
    return detail


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(pattern)), re.DOTALL)

"""Answers without a model: the sentences of the passages that say most about the question, word for word."""

import re
from collections.abc import AsyncGenerator, Sequence

from providers.chat.base import ChatDelta, ChatRequest
from providers.chat.quotations import Quotation, select_quotations
from providers.layout import cells_of

LEAD_IN = "No language model is connected, so here are the closest sentences of the documents, word for word:"
NOTHING_TO_QUOTE = "No language model is connected, and there is no passage to quote from."

_WORDS_A_DELTA = 4
_FORMATTING = re.compile(r"[\\`*_|<\[~]|&(?=#?\w+;)|^[#>+-]|^(?P<number>\d{1,9})(?=[.)](?:\s|$))")


class ExtractiveChat:
    """Quotes instead of answering, and says so. Reads `question` and `passages` of the request alone."""

    name = "extractive"

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """The answer in groups of a few words, without delay; raises nothing."""
        answer = _compose(select_quotations(request.question, request.passages))
        words = re.findall(r"\S+\s*", answer)
        for start in range(0, len(words), _WORDS_A_DELTA):
            yield ChatDelta(text="".join(words[start : start + _WORDS_A_DELTA]))
        yield ChatDelta(finish_reason="stop")


def as_markdown(quoted: str) -> str:
    r"""One line of Markdown that renders as `quoted`: line breaks are spaces, signs that format get a `\`."""
    line = " ".join(quoted.split())
    # A number keeps its place before the sign: what is escaped is the full stop that would make it a list's.
    return _FORMATTING.sub(lambda sign: f"{sign[0]}\\" if sign["number"] else f"\\{sign[0]}", line)


def _readable(quotation: Quotation) -> str:
    """The words of a quotation; of a Markdown table's row its cells, each with the name of its column."""
    cells = cells_of(quotation.text)
    if cells is None:
        return quotation.text
    names = cells_of(quotation.head) or []
    names += [""] * (len(cells) - len(names))
    return " · ".join(
        f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell
    )


def _compose(quotations: Sequence[Quotation]) -> str:
    if not quotations:
        return NOTHING_TO_QUOTE
    bullets = [f"- {as_markdown(_readable(quotation))} [{quotation.marker}]" for quotation in quotations]
    return "\n".join([LEAD_IN, "", *bullets])

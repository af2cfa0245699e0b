"""All forms that a sentence with a number has in the language, for scripts to choose from."""

import json

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.context import Context

register = template.Library()

# A number of each of the Unicode consortium's kinds, in every language that knows the kind.
_SAMPLES = {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}


class FormsNode(template.Node):
    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> str:
        forms = {}
        for kind, number in _SAMPLES.items():
            with context.push(n=number):
                forms[kind] = self.nodelist.render(context).strip()
        # Inside of a script element: what would end that must not stand there.
        return json.dumps(forms, ensure_ascii=False).replace("<", "\\u003c")


@register.tag
def forms(parser: Parser, token: Token) -> FormsNode:
    """A JSON object of what stands inside, once for each kind of number; `n` is one of the kind in turn."""
    nodelist = parser.parse(("endforms",))
    parser.delete_first_token()
    return FormsNode(nodelist)

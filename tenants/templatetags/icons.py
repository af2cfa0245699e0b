"""Icons, each drawn once: an answer has ten, and to draw one takes longer than all that stands beside it."""

from functools import cache

from django import template
from heroicons.templatetags import heroicons

register = template.Library()

for _draw in (
    heroicons.heroicon_micro,
    heroicons.heroicon_mini,
    heroicons.heroicon_outline,
    heroicons.heroicon_solid,
):
    register.simple_tag(cache(_draw))

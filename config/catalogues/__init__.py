"""Catalogues of sentences: taken from the sources, merged, compiled; with Babel alone, no GNU gettext."""

from config.catalogues.files import compile_catalogue, read_catalogue, write_catalogue
from config.catalogues.pseudo import PSEUDO, pseudo_catalogue
from config.catalogues.sources import take_messages

__all__ = [
    "PSEUDO",
    "compile_catalogue",
    "pseudo_catalogue",
    "read_catalogue",
    "take_messages",
    "write_catalogue",
]

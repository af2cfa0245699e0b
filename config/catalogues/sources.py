"""Which sentences the project says: those of its templates, and those of its Python.

In Python, what is given to gettext, and each refusal's words, which are translated where they are shown (see
`tenants.errors`): the sentences among a refusal's arguments, and the title of its class.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from django.utils.translation.template import templatize

APPS = ("config", "conversations", "documents", "retrieval", "tenants")
_CALLS = {
    "_": "gettext",
    "gettext": "gettext",
    "gettext_lazy": "gettext",
    "gettext_noop": "gettext",
    "ngettext": "ngettext",
    "ngettext_lazy": "ngettext",
    "pgettext": "pgettext",
    "pgettext_lazy": "pgettext",
}
# Refusals that are no `DocentError`: plain code's, and what an error says of one field.
_REFUSALS = frozenset(
    {"DocentError", "FieldError", "ExtractionError", "SourceError", "AddressRefused", "AddressInvalid"}
)
_IN_TEMPLATES: dict[str, Any] = dict.fromkeys(("_", "gettext", "ngettext", "pgettext"))


@dataclass(frozen=True, slots=True)
class Found:
    """One sentence of one place; `text` is a pair where there is a plural."""

    path: str
    line: int
    text: str | tuple[str, str]
    context: str | None = None


def take_messages(root: Path) -> Catalog:
    """All sentences of the project whose folder is given, with the files that have them."""
    catalogue = Catalog(project="Docent", charset="utf-8", fuzzy=False)
    for one in sorted({*_of_python(root), *_of_templates(root)}, key=lambda found: (found.path, found.line)):
        known = catalogue.get(one.text if isinstance(one.text, str) else one.text[0], one.context)
        if known is not None and isinstance(known.id, tuple) and isinstance(one.text, str):
            continue  # its plural's first form says it too
        message = catalogue.add(one.text, context=one.context)
        # Without the lines, which change with every change of a file.
        place: Any = (one.path, None)
        message.locations = sorted({*message.locations, place}, key=lambda known_place: known_place[0])
    return catalogue


def _of_templates(root: Path) -> Iterator[Found]:
    for path in sorted((root / "templates").rglob("*")):
        if path.suffix in {".html", ".txt"}:
            # Python of the template's tags, of which the indentation means nothing.
            lines = templatize(path.read_text(encoding="utf-8")).splitlines()
            source = BytesIO("\n".join(line.lstrip() for line in lines).encode())
            for line, name, text, _comments in extract_python(source, _IN_TEMPLATES, [], {}):
                yield _found(str(path.relative_to(root)), line, str(name), text)


def _found(path: str, line: int, name: str, text: object) -> Found:
    parts = [str(part) for part in text if part] if isinstance(text, tuple) else [str(text)]
    match _CALLS[name]:
        case "ngettext":
            return Found(path, line, (parts[0], parts[1]))
        case "pgettext":
            return Found(path, line, parts[1], parts[0])
        case _:
            return Found(path, line, parts[0])


def _of_python(root: Path) -> Iterator[Found]:
    paths = [path for app in APPS for path in sorted((root / app).rglob("*.py")) if "migrations" not in path.parts]
    trees = {str(path.relative_to(root)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    refusals = _refusals(trees.values())
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from _of_call(path, node, refusals)
            elif isinstance(node, ast.ClassDef) and node.name in refusals:
                yield from (Found(path, node.lineno, title) for title in _titles(node))


def _refusals(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The names of all classes that descend from `DocentError`, and of those like them."""
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    known = set(_REFUSALS)
    while more := {name for name, of in bases.items() if of & known} - known:
        known |= more
    return frozenset(known)


def _of_call(path: str, call: ast.Call, refusals: frozenset[str]) -> Iterator[Found]:
    name = ast.unparse(call.func).removesuffix(".at").rpartition(".")[2]
    if name in _CALLS:
        texts = [_constant(argument) for argument in call.args[: 2 if _CALLS[name] != "gettext" else 1]]
        if texts and all(texts):
            yield _found(path, call.lineno, name, tuple(texts))
    elif name in refusals:
        given = [part for argument in call.args for part in _choices(argument)]
        yield from (Found(path, call.lineno, text) for text in map(_constant, given) if _is_sentence(text))


def _choices(argument: ast.expr) -> list[ast.expr]:
    return [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]


def _constant(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_sentence(text: str) -> bool:
    """No code, and no pointer to a field."""
    return not re.fullmatch(r"[a-z0-9_]*|/.*", text)


def _titles(refusal: ast.ClassDef) -> Iterator[str]:
    """The title in `title = …`, or in `status, code, title = …`."""
    for node in refusal.body:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            titles = (_constant(value) for name, value in zip(names, values, strict=False) if _is_title(name))
            yield from filter(None, titles)


def _is_title(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "title"

"""The project's own Python, as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from config.embedded import PROJECT

N = TypeVar("N", bound=ast.AST)
APPS = ("config", "conversations", "retrieval", "documents", "providers", "tenants")


@dataclass(frozen=True, slots=True)
class Source:
    """A module: its path from the project's root, its lines and its tree."""

    path: str
    lines: int
    tree: ast.Module

    def nodes(self, kind: type[N]) -> Iterator[N]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kind))

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        yield from self.nodes(ast.FunctionDef)
        yield from self.nodes(ast.AsyncFunctionDef)


def modules(*folders: str) -> list[Source]:
    """Every module in these folders but migrations, which Django writes."""
    paths = sorted(path for folder in folders for path in (PROJECT / folder).rglob("*.py"))
    return [_source(path) for path in paths if "migrations" not in path.parts]


def _source(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(str(path.relative_to(PROJECT)), len(text.splitlines()), ast.parse(text))

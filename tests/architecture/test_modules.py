"""What keeps the code small and its dependencies visible. Each rule lists exactly what breaks it: nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import pytest

from tests.architecture.sources import APPS, Source, modules

MAX_MODULE, MAX_CLASS, MAX_FUNCTION = 400, 150, 40
# Who hands the environment on to other processes, before or without the settings.
HANDS_ENVIRONMENT_ON = {
    "config/alive.py",
    "config/asgi.py",
    "config/backups/restoring.py",
    "config/celery.py",
    "config/embedded/attachment.py",
    "config/init.py",
    "config/mounted.py",
    "config/serve.py",
    "config/up.py",
}


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    """Everything that runs in production."""
    found = modules(*APPS)
    assert len(found) > 100
    return found


Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def too_long(limit: int, definitions: Iterable[tuple[Source, Definition]]) -> set[tuple[str, str]]:
    """Where and what is longer than the limit, decorators not counted."""
    return {
        (source.path, node.name)
        for source, node in definitions
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > limit
    }


def test_modules_classes_and_functions_fit_on_few_screens(sources: list[Source]) -> None:
    everything = [*sources, *modules("tests", "bench")]
    assert {source.path for source in everything if source.lines > MAX_MODULE} == set()
    classes = ((source, node) for source in sources for node in source.nodes(ast.ClassDef))
    functions = ((source, node) for source in sources for node in source.functions())
    assert too_long(MAX_CLASS, classes) == set()
    assert too_long(MAX_FUNCTION, functions) == set()


def test_no_module_has_a_name_that_says_nothing(sources: list[Source]) -> None:
    empty = {"common", "helper", "helpers", "misc", "util", "utils"}
    parts = {part for source in sources for part in source.path.removesuffix(".py").split("/")}
    assert parts & empty == set()
    assert {"services", "selectors", "models"} <= parts


def test_imports_stand_at_the_top(sources: list[Source]) -> None:
    """But in `AppConfig.ready`, which is where Django allows models to be imported."""
    hidden = {
        (source.path, function.name)
        for source in sources
        for function in source.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {name for path, name in hidden if path.endswith("/apps.py")} == {"ready"}
    assert {(path, name) for path, name in hidden if not path.endswith("/apps.py")} == set()


def reads_environment(source: Source) -> bool:
    """Whether the module names `os.environ` or `os.getenv`, in whatever way."""
    attributes = {
        node.attr
        for node in source.nodes(ast.Attribute)
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    }
    imported = {alias.name for node in source.nodes(ast.ImportFrom) if node.module == "os" for alias in node.names}
    modules_named = {alias.name for node in source.nodes(ast.Import) for alias in node.names}
    return bool((attributes | imported) & {"environ", "environb", "getenv"}) or "environ" in modules_named


def test_the_environment_is_read_in_one_place(sources: list[Source]) -> None:
    readers = {source.path for source in sources if reads_environment(source)}
    assert "config/settings/base.py" in readers
    assert {path for path in readers if not path.startswith("config/settings/")} == HANDS_ENVIRONMENT_ON


def test_tests_replace_nothing_and_leave_nothing_out() -> None:
    """No mock, no patch, no skip: a test that runs half of the code proves half of it."""
    banned = {"mock", "mocker", "setattr", "delattr", "skip", "skipif", "importorskip", "xfail"}
    used = set()
    for source in modules("tests"):
        called = {node.attr for node in source.nodes(ast.Attribute)}
        imported = {part for node in source.nodes(ast.alias) for part in node.name.split(".")}
        arguments = {node.arg for node in source.nodes(ast.arg)}
        used |= {(source.path, name) for name in (called | imported | arguments) & banned}
    assert used == set()

"""The assistants that organisations begin with, read from `personas.yaml`: plain values, checked line by line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).with_name("personas.yaml")
MODES = ("grounded", "open")
MAX_KEY, MAX_NAME, MAX_DESCRIPTION, MAX_INSTRUCTIONS, MAX_MODEL = 60, 80, 300, 8_000, 120
MAX_QUESTIONS, MAX_QUESTION = 8, 200
MAX_TEMPERATURE, MAX_TOKENS = 2.0, 32_768
_NEEDED = frozenset({"key", "name"})
_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class PersonaFileFault(Exception):
    """The file cannot be used; the message names line and field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultPersona:
    """An entry of the file, by the names of the columns of `Persona`."""

    key: str
    name: str
    description: str = ""
    instructions: str = ""
    mode: str = MODES[0]
    temperature: float | None = None
    max_tokens: int | None = None
    model: str = ""
    sample_questions: tuple[str, ...] = ()
    is_default: bool = False

    def columns(self) -> dict[str, Any]:
        """What a restored row has; which one is chosen where a chat begins is not the file's to say twice."""
        names = ("name", "description", "instructions", "mode", "temperature", "max_tokens", "model")
        return {name: getattr(self, name) for name in names} | {"sample_questions": list(self.sample_questions)}


@cache
def default_personas() -> tuple[DefaultPersona, ...]:
    """The entries of Docent's own file. Raises `PersonaFileFault`."""
    return tuple(read_personas(PATH.read_text(encoding="utf-8"), PATH.name))


def read_personas(text: str, name: str) -> list[DefaultPersona]:
    """The entries of a file's text. Raises `PersonaFileFault` for the first mistake."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        entries = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PersonaFileFault(f"{name}, line {line}: this is not YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise PersonaFileFault(f"{name}: this is not YAML: {error}.") from error
    if not isinstance(root, yaml.SequenceNode):
        raise PersonaFileFault(f"{name}, line 1: this must be a list of assistants.")
    found: list[DefaultPersona] = []
    for node, entry in zip(root.value, entries, strict=True):
        for field, line, fault in _faults(node, entry, found):
            raise PersonaFileFault(f"{name}, line {line}, {field}: {fault}")
        found.append(DefaultPersona(**_cleaned(entry)))
    return found


def _faults(node: yaml.Node, entry: Any, before: list[DefaultPersona]) -> Iterator[tuple[str, int, str]]:
    """Field, line and mistake of each."""
    first = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        yield "entry", first, "an assistant is made of fields, each a name and a value."
        return
    lines = {str(key.value): key.start_mark.line + 1 for key, _value in node.value}
    if len(lines) < len(node.value):
        yield "entry", first, "a field stands here twice."
    for field in sorted(set(_CHECKS) ^ set(entry), key=str):
        if field in entry:
            yield str(field), lines.get(str(field), first), "this field is not known."
        elif field in _NEEDED:
            yield field, first, "this field is missing."
    for field, value in entry.items():
        if fault := _CHECKS[field](value):
            yield field, lines[field], fault
    if entry["key"] in {one.key for one in before}:
        yield "key", lines["key"], "another assistant has this key."
    if entry.get("is_default") and any(one.is_default for one in before):
        yield "is_default", lines["is_default"], "another assistant is the default already."


def _cleaned(entry: dict[str, Any]) -> dict[str, Any]:
    texts = {name: value.strip() for name, value in entry.items() if isinstance(value, str)}
    questions = tuple(" ".join(one.split()) for one in entry.get("sample_questions", ()))
    return {**entry, **texts, "sample_questions": questions}


def _text(most: int, *, is_needed: bool = False) -> Any:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return "this must be text."
        if is_needed and not value.strip():
            return "this must not be empty."
        return f"this has more than {most:,} characters." if len(value) > most else ""

    return check


def _key_fault(value: Any) -> str:
    is_key = isinstance(value, str) and _KEY.fullmatch(value) and len(value) <= MAX_KEY
    return "" if is_key else "this must be small letters, digits and hyphens."


def _mode_fault(value: Any) -> str:
    return "" if value in MODES else f"this must be one of: {', '.join(MODES)}."


def _temperature_fault(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if is_number and 0 <= value <= MAX_TEMPERATURE else f"this must be 0 to {MAX_TEMPERATURE:g}."


def _tokens_fault(value: Any) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return "" if is_number and 1 <= value <= MAX_TOKENS else f"this must be 1 to {MAX_TOKENS}."


def _questions_fault(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        return "this must be a list of questions."
    if len(value) > MAX_QUESTIONS or any(len(one) > MAX_QUESTION for one in value):
        return f"there can be {MAX_QUESTIONS} questions of at most {MAX_QUESTION} characters each."
    return ""


def _flag_fault(value: Any) -> str:
    return "" if isinstance(value, bool) else "this must be true or false."


_CHECKS = {
    "key": _key_fault,
    "name": _text(MAX_NAME, is_needed=True),
    "description": _text(MAX_DESCRIPTION),
    "instructions": _text(MAX_INSTRUCTIONS),
    "mode": _mode_fault,
    "temperature": _temperature_fault,
    "max_tokens": _tokens_fault,
    "model": _text(MAX_MODEL),
    "sample_questions": _questions_fault,
    "is_default": _flag_fault,
}

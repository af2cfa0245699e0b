"""`docs/api.md`, written from the OpenAPI schema: what programs can do, operation by operation."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from config.embedded import PROJECT
from tenants.api.answers import REFUSALS

TARGET = PROJECT / "docs" / "api.md"
_COMMON = {"Idempotency-Key", "If-Match", "If-None-Match", "cursor", "limit"}
_MANY = 12
_INTRODUCTION = """\
# The REST API

<!-- Written by `python manage.py apidocs` from the OpenAPI schema; edit the views and serializers instead. -->

Under `/api/v1/`, described by OpenAPI 3.1 at `/api/schema/`, to be tried at `/api/docs/`. Whole programs are in
[examples](examples/README.md).

- **Who asks**: `Authorization: Bearer dct_…`. A token belongs to one person in one organisation and has scopes.
  Cookies open nothing here.
- **JSON** in UTF-8, both ways, except for uploads (`multipart/form-data`) and files. Fields that are not known
  are refused.
- **Refusals** are `application/problem+json` (RFC 9457): `code` for programs, `detail` for people,
  `errors[].pointer` for each wrong field, `request_id` for the operator's log.
- **Lists** answer `results`, `next` and `previous`, which are addresses of pages; `limit` takes up to 200.
- **Sent twice, done once**: an `Idempotency-Key` of your own making on anything but GET. The same request with
  it within 24 hours is answered as the first one was, with `Idempotency-Replayed: true`.
- **Changed meanwhile**: JSON that GET answers has an `ETag`. `If-Match` with it on PATCH, PUT and DELETE
  changes nothing that is something else by now (412); `If-None-Match` on GET answers 304 while nothing is.
- **How often**: `RateLimit-Limit`, `-Remaining` and `-Reset` stand on every answer; 429 and 503 have
  `Retry-After`.
- **Streams** are server-sent events: `event` is the kind, `data` JSON with the same kind as `type`. Whoever
  comes again sends the last `id` as `Last-Event-ID`. An answer's `delta` says by `offset` where its text
  begins, in code points.
- **From web pages**: origins that `DOCENT_CORS_ORIGINS` names.

What any operation may refuse:

| status | why |
|---|---|
"""


def written() -> str:
    """The whole document."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    lines = [f"| {status} | {text} |" for status, text in REFUSALS.items()]
    by_tag: dict[str, list[str]] = {}
    for path, operations in sorted(schema["paths"].items()):
        for method, operation in operations.items():
            block = "\n".join(_operation(schema, path, method, operation))
            by_tag.setdefault(operation["tags"][0], []).append(block)
    contents = " · ".join(f"[{tag}](#{tag})" for tag in [*sorted(by_tag), "shapes"])
    parts = [_INTRODUCTION + "\n".join(lines), contents]
    for tag in sorted(by_tag):
        parts += [f"## {tag}", *by_tag[tag]]
    parts += ["## Shapes", *_shapes(schema)]
    return "\n\n".join(parts) + "\n"


def _shapes(schema: Mapping[str, Any]) -> Iterator[str]:
    """What answers consist of."""
    for name, shape in sorted(schema["components"]["schemas"].items()):
        if name.endswith("Request") or name.startswith("Paginated") or not shape.get("properties"):
            continue
        rows = [_row(field, one, one.get("description", "")) for field, one in shape["properties"].items()]
        text = f"{_flat(shape['description'])}\n\n" if shape.get("description") else ""
        yield f"### {name}\n\n{text}| field | kind | |\n|---|---|---|\n" + "\n".join(rows)


def _operation(schema: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    short = path.removeprefix("/api/v1")
    yield f"### {method.upper()} {short}\n"
    if operation.get("description"):
        yield f"{operation['description']}\n"
    parameters = [
        one for one in operation.get("parameters", []) if one["name"] not in _COMMON and one["in"] != "path"
    ]
    if parameters:
        yield "| parameter | kind | |\n|---|---|---|"
        yield from (
            _row(one["name"], one["schema"], one.get("description", ""), where=one["in"]) for one in parameters
        )
        yield ""
    for media, sent in operation.get("requestBody", {}).get("content", {}).items():
        yield from _fields(schema, media, sent["schema"])
        break
    told = {status: one for status, one in operation["responses"].items() if status < "300"}
    for status, answer in told.items():
        yield f"- **{status}** {_answer(schema, answer)}"
    yield f"\n```sh\n{_curl(short, method, operation)}\n```"


def _fields(schema: Mapping[str, Any], media: str, body: Mapping[str, Any]) -> Iterator[str]:
    found = _resolved(schema, body)
    properties = found.get("properties", {})
    if not properties:
        return
    required = set(found.get("required", []))
    yield f"| field ({media}) | kind | |\n|---|---|---|"
    for name, one in properties.items():
        yield _row(f"**{name}**" if name in required else name, one, one.get("description", ""))
    yield ""


def _row(name: str, kind: Mapping[str, Any], text: str, *, where: str = "") -> str:
    place = " (header)" if where == "header" else ""
    return f"| {name}{place} | {_kind(kind)} | {_flat(text)} |"


def _kind(one: Mapping[str, Any]) -> str:
    """A schema in a word or two."""
    if "$ref" in one:
        return str(one["$ref"]).rpartition("/")[2]
    for several in ("oneOf", "anyOf", "allOf"):
        if several in one:
            kinds = [_kind(each) for each in one[several]]
            return " or ".join(dict.fromkeys(kind for kind in kinds if kind))
    if "enum" in one:
        if len(one["enum"]) > _MANY:
            return f"one of {len(one['enum'])} codes"
        return " or ".join(f"`{value}`" for value in one["enum"])
    if one.get("type") == "array":
        return f"list of {_kind(one.get('items', {}))}"
    kind = one.get("type", "any")
    kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return str(one["format"]) if "format" in one and kind == "string" else kind


def _answer(schema: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    text = _flat(answer.get("description", ""))
    told = []
    for media, one in answer.get("content", {}).items():
        kind = _kind(one.get("schema", {}))
        fields = _resolved(schema, one.get("schema", {})).get("properties", {})
        is_json = media == "application/json"
        told.append(f"`{media}`: {kind} {{{', '.join(fields)}}}" if is_json and fields else f"`{media}`")
    return " ".join(part for part in (text, "; ".join(told) or "nothing" * (not text)) if part)


def _resolved(schema: Mapping[str, Any], one: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(one.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = schema["components"]["schemas"].get(name, one)
    return found


def _curl(path: str, method: str, operation: Mapping[str, Any]) -> str:
    words = ["curl", '-H "Authorization: Bearer $DOCENT_TOKEN"']
    if method not in {"get", "post"}:
        words.append(f"-X {method.upper()}")
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        body = json.dumps(content["application/json"].get("example", {}), ensure_ascii=False)
        words += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    elif content:
        words.append("-F files=@handbook.pdf")
    elif method == "post":
        words.append("-X POST")
    if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}) and method == "get":
        words.append("-N")
    address = re.sub(r"\{(\w+)\}", lambda match: f"${match[1].upper()}", path)
    return " ".join([*words, f'"$DOCENT_URL/api/v1{address}"'])


def _flat(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())

"""The parser process: reads one request, one file and nothing else; answers in lines of JSON.

Started by `sandbox` with the request as its only argument and the file as standard input. It imports no
Django, and the parser only after it has given up the network and bound its own memory and time; before it
looks at the file it gives up all other files, where the kernel lets it.
"""

import base64
import importlib
import json
import mmap
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from documents.extraction import isolation
from documents.extraction.formats import (
    LOGO_MODULE,
    PARSER_MODULES,
    RECOGNISER_MODULE,
    UNPACKER_MODULE,
    PagedParser,
    ParsedDocument,
    PictureReader,
    Turn,
    TurnParser,
    Unpacker,
)
from documents.extraction.types import ExtractionError

_PROJECT = str(Path(__file__).resolve().parents[2])
_NEARLY_ALL = 0.8
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/X11/fonts")  # where PDFium looks for them


def main() -> None:
    """Do what the request says; every failure that Python can still see becomes an `error` line."""
    request = json.loads(sys.argv[1])
    try:
        isolated_by = _enter_sandbox(request)
        if request["operation"] == "probe":
            _answer(isolated_by=isolated_by)
        else:
            _parse(request)
    except ExtractionError as error:
        _answer(error={"code": error.code, "detail": error.detail})
    except MemoryError:
        _answer(error={"code": "out_of_memory"})
    except Exception as error:  # noqa: BLE001 - whatever a hostile file provokes is this file's failure
        # libraries have names of their own for memory that they did not get
        code = "out_of_memory" if _used_memory() > _NEARLY_ALL * request["data"] else "parser_crashed"
        _answer(error={"code": code, "reason": type(error).__name__})


def _used_memory() -> int:
    """The most bytes that this process had in memory at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _enter_sandbox(request: dict[str, Any]) -> isolation.NetworkIsolation | None:
    isolation.set_limits(request["memory"], request["data"], request["seconds"])
    isolated_by = isolation.isolate_network()
    isolation.die_with_parent(request["parent"])
    if isolated_by is None and not request["allow_unisolated"]:
        raise ExtractionError(
            "sandbox_unavailable", "This server cannot keep file readers off the network, so none may run."
        )
    return isolated_by


def _parse(request: dict[str, Any]) -> None:
    is_archive = request["operation"] == "unpack"
    module = importlib.import_module(_module_for(request))
    turn = Turn(**request["turn"]) if request.get("turn") else None
    reader = _picture_reader() if turn and turn.recognition == "on" else None
    # lazy imports (text encodings) and fonts are all that a parser may still open; the project, which may
    # hold the installation's secrets, is not
    isolation.hide_files([*(folder for folder in sys.path if folder != _PROJECT), *_FONTS])
    if os.fstat(sys.stdin.fileno()).st_size == 0:
        raise ExtractionError("empty_file", "The file is empty.")
    # private and writable, because PDFium wants a buffer: nothing is copied and the file stays as it is
    file = mmap.mmap(sys.stdin.fileno(), 0, access=mmap.ACCESS_COPY)
    if is_archive:
        _send_members(cast("Unpacker", module), file, request["member_size"])
        return
    if request["operation"] == "logo":
        image, width, height = module.draw_logo(file)
        _answer(image=base64.b64encode(image).decode(), width=width, height=height)
        return
    parser = cast("PagedParser", module)
    if turn is not None:
        _send_pages(cast("TurnParser", module).open_turn(file, turn, reader))
    elif request["operation"] == "pages":
        _send_pages(parser.open_document(file))
    elif request["operation"] == "render":
        image = parser.render_page(file, request["page"], request["width"])
        _answer(image=base64.b64encode(image).decode())
    else:
        rects = parser.locate(file, request["page"], request["start"], request["end"])
        _answer(rects=[asdict(rect) for rect in rects])


def _module_for(request: dict[str, Any]) -> str:
    match request["operation"]:
        case "unpack":
            return UNPACKER_MODULE
        case "logo":
            return LOGO_MODULE
        case _:
            return PARSER_MODULES[request["media_type"]]


def _picture_reader() -> PictureReader:
    try:
        reader: PictureReader = importlib.import_module(RECOGNISER_MODULE).Recogniser()
    except Exception as error:  # whatever it is, no file has been looked at yet
        raise ExtractionError(
            "reader_missing",
            "The file has scanned pages, and text recognition does not start on this server."
            " Tell whoever runs it.",
        ) from error
    return reader


def _send_pages(document: ParsedDocument) -> None:
    _answer(title=document.title, page_count=document.page_count, properties=dict(document.properties))
    for page in document.pages:
        _answer(**asdict(page))
    _answer(done=True, **asdict(document.ending))


def _send_members(unpacker: Unpacker, file: mmap.mmap, member_size: int) -> None:
    for piece in unpacker.open_archive(file, member_size):
        refusal = {"code": piece.error.code, "detail": piece.error.detail} if piece.error else None
        data = base64.b64encode(piece.data).decode()
        _answer(name=piece.name, data=data, is_last=piece.is_last, refusal=refusal)
    _answer(done=True)


def _answer(**message: object) -> None:
    print(json.dumps(message), flush=True)  # noqa: T201 - standard output is the channel

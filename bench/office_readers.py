"""What Docent's own readers of Office files cost, beside python-docx and openpyxl on the same files.

Each reads in a process of its own, without the sandbox; seconds are of its processor, megabytes its peak.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path

import docx as python_docx
import openpyxl

from bench.figures import circumstances
from config.embedded import PROJECT

_TEXT = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}t"
_READERS = {
    "docent": """
import mmap
from documents.extraction import {module}
with open(path, "rb") as file:
    document = {module}.open_document(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    size = sum(len(page.text) for page in document.pages)
""",
    "python-docx": """
import docx
document = docx.Document(path)
size = sum(len(one.text) for one in document.paragraphs)
size += sum(len(cell.text) for table in document.tables for row in table.rows for cell in row.cells)
""",
    "openpyxl": """
import openpyxl
book = openpyxl.load_workbook(path, read_only=True, data_only=True)
size = sum(len(str(value)) for sheet in book for row in sheet.iter_rows(values_only=True) for value in row)
""",
}


def measure(reader: str, module: str, path: Path) -> dict[str, float]:
    """Read the file once in a fresh interpreter."""
    code = (
        "import json, re, time\n"
        f"path = {str(path)!r}\nbegun = time.process_time()\n"
        + _READERS[reader].format(module=module)
        + "used = time.process_time() - begun\n"
        "peak = int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1024\n"
        "print(json.dumps({'seconds': used, 'MB': peak, 'characters': size}))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    read: dict[str, float] = json.loads(result.stdout)
    return read


def word(rows: int) -> bytes:
    """A document whose table has so many rows; the rows are copied, for python-docx adds them slowly."""
    document = python_docx.Document()
    document.add_heading("Deliveries", 1)
    table = document.add_table(rows=1, cols=3)
    for cell, text in zip(table.rows[0].cells, ("Yard", "Day", "Tons"), strict=True):
        cell.text = text
    first = table.rows[0]._tr
    for number in range(1, rows):
        row = deepcopy(first)
        for place, text in enumerate(row.iter(_TEXT)):
            text.text = f"{number * (place + 7) % 9973} of {number}"
        table._tbl.append(row)
    return _saved(document)


def sheet(rows: int) -> bytes:
    """A workbook of ten columns."""
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("Deliveries")
    for number in range(rows):
        page.append([f"yard {number % 97}", *(number * place / 7 for place in range(1, 10))])
    return _saved(book)


def _saved(document: object) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)  # type: ignore[attr-defined]
    return buffer.getvalue()


def main() -> int:
    for name, value in circumstances().items():
        print(f"{name}: {value}")
    with tempfile.TemporaryDirectory() as folder:
        for module, content, library in (
            ("docx", word(30_000), "python-docx"),
            ("xlsx", sheet(100_000), "openpyxl"),
        ):
            path = Path(folder) / f"file.{module}"
            path.write_bytes(content)
            print(f"{module}, {len(content) / 1e6:.1f} MB:")
            for reader in ("docent", library):
                read = measure(reader, module, path)
                print(f"    {reader}: {read['seconds']:.1f} s, {read['MB']:.0f} MB at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Questions about the handbook, with what is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "holiday",
        "question": "How many days of paid holiday does a full-time employee have?",
        "document": "handbook.pdf",
        "pages": [1],
    },
    {
        "id": "parents",
        "question": "How long may parents take leave, and who shares it?",
        "document": "Handbook.PDF",
        "pages": [2],
    },
    {"id": "trains", "question": "Are night trains refunded?", "document": "handbook.pdf", "pages": [3, 9]},
    {"id": "sugar", "question": "How does photosynthesis store sugar in roots?", "answerable": False},
]


def written(folder: Path, questions: list[dict[str, Any]] | None = None) -> Path:
    """A file of them."""
    path = folder / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, QUESTIONS if questions is None else questions)), encoding="utf-8")
    return path

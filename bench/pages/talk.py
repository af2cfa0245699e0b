"""A conversation as long as one gets in a year, made of one question that was really answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

_NAMES = UUID("3f1c3a5e-3a77-4a43-9c51-6d1c5c2f7a10")
# Of a message; the rest, what it took and cost, is its own.
_KEPT = ("role", "status", "finish_reason", "model", "created_at", "citations", "sources")
PARAGRAPH = (
    "Whoever works the whole year has the days that the contract names; **half of them** are taken in one piece, "
    "and what is left at the end of March is lost unless the department said otherwise in writing."
)
ANSWER = f"""{PARAGRAPH} [1]

1. The request goes to the department, at least *four weeks* before the first day.
2. The department answers within `5` working days.
3. What was granted is taken back only in an emergency.

| Kind | Days | Asked of |
|:--|--:|:--|
| Holiday | 28 | department |
| Removal | 1 | personnel |
| Study | 5 | department |

{PARAGRAPH}
"""


def long_talk(record: dict[str, Any], messages: int) -> dict[str, Any]:
    """A record of `messages` messages, half of them answers, from one of a question and its answer."""
    asked, answered = ({name: one[name] for name in _KEPT if name in one} for one in record["messages"])
    turns: list[dict[str, Any]] = []
    last = datetime.fromisoformat(asked["created_at"])
    for number in range(messages // 2):
        said_at = (last - timedelta(minutes=messages - number)).isoformat()
        parent = turns[-1]["id"] if turns else None
        question = asked | {"id": _id(number, "asked"), "parent": parent, "created_at": said_at}
        question["content"] = f"Question {number + 1}: how many days of holiday are there, and who grants them?"
        answer = answered | {"id": _id(number, "answered"), "parent": question["id"], "created_at": said_at}
        answer["content"] = ANSWER
        turns += [question, answer]
    about = record["conversation"] | {"title": f"{messages} messages", "leaf_id": turns[-1]["id"]}
    return record | {"conversation": about, "messages": turns}


def _id(number: int, kind: str) -> str:
    return str(uuid5(_NAMES, f"{kind} {number}"))

"""Answers in OpenAI's shapes. Indexes count code points, as everywhere here."""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from conversations.citing.markers import markers_in
from conversations.events import Finished


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply that is over, and what it was written from."""

    text: str
    thinking: str
    sources: list[dict[str, Any]]
    end: Finished

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """Each marker of a passage that supports what is said, where it stands."""
        cited = {one["marker"]: one for one in self.end.citations if one["url"]}
        return [
            {
                "type": "url_citation",
                "url_citation": {
                    "start_index": start,
                    "end_index": end,
                    "url": cited[number]["url"],
                    "title": cited[number]["title"],
                },
            }
            for start, end, numbers in markers_in(self.text)
            for number in numbers
            if number in cited
        ]

    @property
    def finish_reason(self) -> str:
        """A refusal is an answer too."""
        return "length" if self.end.finish_reason == "length" else "stop"

    @property
    def usage(self) -> dict[str, int]:
        prompt, completion = (self.end.usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens"))
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer's envelope; `model` is as it was asked for. With `tells_usage` a stream ends with the numbers."""

    message: UUID
    model: str
    tells_usage: bool = False
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, answered: Answered) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answered.text, "refusal": None}
        if answered.thinking:
            message["reasoning_content"] = answered.thinking
        message["annotations"] = answered.annotations
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answered.finish_reason}
        about = self._about("chat.completion", [choice])
        return {**about, "usage": answered.usage, "sources": answered.sources}

    def first(self) -> str:
        return self.said({"role": "assistant", "content": "", "refusal": None})

    def said(self, delta: dict[str, Any], **more: Any) -> str:
        """A chunk that adds to the answer."""
        return self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}], **more)

    def ending(self, answered: Answered) -> list[str]:
        """What the text was written from, why it ends, and what it took."""
        last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": answered.finish_reason}
        frames = [
            self.said({"content": "", "annotations": answered.annotations}, sources=answered.sources),
            self._chunk([last]),
        ]
        if self.tells_usage:
            frames.append(self._chunk([], usage=answered.usage))
        return [*frames, "data: [DONE]\n\n"]

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> str:
        usage = {"usage": None} if self.tells_usage else {}
        return data_frame({**self._about("chat.completion.chunk", choices), **usage, **more})

    def _about(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.message}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
            "choices": choices,
        }


def data_frame(payload: dict[str, Any]) -> str:
    """A server-sent event without a name: OpenAI's have none."""
    return f"data: {json.dumps(payload, ensure_ascii=False)}\n\n"

"""From the messages of a request to a question in passing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.utils.translation import gettext

from conversations.selectors.personas import Voice
from conversations.services.questions_in_passing import Passing
from providers.chat.base import ChatMessage
from tenants.errors import InvalidInput, TooLarge

EVERYTHING, COLLECTION, PERSONA, EMBEDDER = "docent", "docent/", "persona/", "builtin"

# What chat programs ask of a model for themselves (a title, tags, what to ask next) brings all that it is about:
# in documents there is no answer to it. This is how Open WebUI begins it.
_TASK = re.compile(r"\s*### Task:\s")
_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_FIELDS = {"role", "content", "name"}
# Clients send answers back as they got them.
_FIELDS_OF_ANSWERS = {
    *(_FIELDS | {"refusal", "annotations", "reasoning_content", "reasoning"}),
    *("tool_calls", "function_call", "audio"),
}
_UNSUPPORTED_IN_ANSWERS = ("tool_calls", "function_call", "audio")


@dataclass(frozen=True, slots=True)
class Name:
    """What a model's name means: a persona or a collection by slug, everything in sight, or a model alone."""

    persona: str = ""
    collection: str = ""
    model: str = ""


def name_of(model: str) -> Name:
    if model == EVERYTHING:
        return Name()
    if model.startswith(COLLECTION):
        return Name(collection=model.removeprefix(COLLECTION))
    if model.startswith(PERSONA):
        return Name(persona=model.removeprefix(PERSONA))
    return Name(model=model)


def passing_of(data: dict[str, Any]) -> Passing:
    """The question that a validated request asks. Raises `InvalidInput` with pointers, and `TooLarge`."""
    name, turns = name_of(data["model"]), list(_turns(data["messages"]))
    instructions = "\n\n".join(turn.content for turn in turns if turn.role == "system" and turn.content.strip())
    if len(instructions.encode()) > settings.DOCENT_MAX_QUESTION_BYTES:
        limit = settings.DOCENT_MAX_QUESTION_BYTES // 1000
        raise TooLarge(
            gettext("The system messages may have up to {limit} kB.").format(limit=limit), code="question_too_long"
        )
    spoken = [turn for turn in turns if turn.role != "system"]
    if not spoken or spoken[-1].role != "user":
        raise InvalidInput.at("/messages", "The last message has to be the user's: a question.", "no_question")
    question = spoken.pop().content
    is_plain = bool(name.model) or _TASK.match(question) is not None
    return Passing(
        content=question,
        history=_joined(spoken),
        persona=name.persona,
        collection=name.collection,
        model=name.model,
        voice=_voice(data, instructions, is_plain=is_plain),
    )


def _voice(data: dict[str, Any], instructions: str, *, is_plain: bool) -> Voice:
    limits = [data.get(name) for name in ("max_completion_tokens", "max_tokens")]
    given = [limit for limit in limits if limit is not None]
    return Voice(
        instructions=instructions,
        temperature=data.get("temperature"),
        # Servers refuse more than a window; clients that know no window ask for it.
        max_tokens=min(*given, settings.DOCENT_MODEL_CONTEXT) if given else None,
        top_p=data.get("top_p"),
        seed=data.get("seed"),
        stop=data.get("stop") or (),
        is_plain=is_plain,
    )


def _joined(turns: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    """Without empty ones; several of one side are one, for many models take them only by turns."""
    joined: list[ChatMessage] = []
    for turn in turns:
        if not turn.content.strip():
            continue
        said = turn.content
        if joined and joined[-1].role == turn.role:
            said = f"{joined.pop().content}\n\n{said}"
        joined.append(ChatMessage(role=turn.role, content=said))
    return tuple(joined)


def _turns(messages: Sequence[Any]) -> Iterator[ChatMessage]:
    for place, message in enumerate(messages):
        at = f"/messages/{place}"
        if not isinstance(message, dict):
            raise InvalidInput.at(at, "A message is an object with role and content.")
        role = message.get("role")
        if role in {"tool", "function"}:
            raise InvalidInput.at(f"{at}/role", "Tools are not supported here.", "unsupported_role")
        if not isinstance(role, str) or role not in _ROLES:
            raise InvalidInput.at(
                f"{at}/role",
                gettext("A role is one of {names}.").format(names=", ".join(_ROLES)),
                "invalid_choice",
            )
        _require_known(message, at, is_answer=role == "assistant")
        yield ChatMessage(role=_ROLES[role], content=_text_of(message.get("content"), f"{at}/content"))


def _require_known(message: dict[str, Any], at: str, *, is_answer: bool) -> None:
    unknown = sorted(map(str, message.keys() - (_FIELDS_OF_ANSWERS if is_answer else _FIELDS)))
    if unknown:
        raise InvalidInput.at(f"{at}/{unknown[0]}", "This field is not known.", "unknown_field")
    for name in _UNSUPPORTED_IN_ANSWERS:
        if message.get(name):
            raise InvalidInput.at(
                f"{at}/{name}", gettext("{name} is not supported here.").format(name=name), "unsupported_parameter"
            )


def _text_of(content: Any, at: str) -> str:
    """A text, or parts of one; nothing where there is none."""
    parts = content if isinstance(content, list) else [content or ""]
    text = "\n".join(
        _part(part, f"{at}/{place}" if part is not content else at) for place, part in enumerate(parts)
    )
    if "\0" in text:
        raise InvalidInput.at(at, "Null characters are not allowed.", "null_characters_not_allowed")
    return text


def _part(part: Any, at: str) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, dict) else None
    text = part.get(kind) if kind in {"text", "refusal"} else None
    if not isinstance(text, str):
        what = kind if isinstance(kind, str) and kind not in {"text", "refusal"} else "This"
        raise InvalidInput.at(
            at, gettext("{what} is not supported here: send text.").format(what=what[:40]), "unsupported_content"
        )
    return text

"""Docent driven by llama.cpp's server: what was seen of each thing that the two do together."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from bench.llama_cpp.server import LlamaServer, running
from bench.llama_cpp.tiny import NAME, spoken, timetable, write_model
from bench.portal import BenchError, Portal, free_port, manage, portal, sse_events
from bench.seen import Seen
from config.embedded import PROJECT
from providers.embedding.openai import OpenAIEmbedder

_KEY = "operators-key-0123456789"
_WINDOW = 4096
_QUESTION = "From which pier does ferry 3 leave?"
_MOST_PIECES = 3000
_STREAM = {"Accept": "text/event-stream"}
_STOP_WITHIN, _ENDS_WITHIN, _PATIENCE = 1.0, 30.0, 60.0


@dataclass(frozen=True, slots=True)
class _Stage:
    """A portal and its servers: `llama` reads pieces of words, `dense` single characters."""

    portal: Portal
    llama: LlamaServer
    dense: LlamaServer
    api: httpx.Client

    def conversation(self, **fields: Any) -> str:
        made: str = self.api.post("/conversations/", json=fields).raise_for_status().json()["id"]
        return made

    def asked(self, conversation: str, content: str = _QUESTION, **fields: Any) -> dict[str, Any]:
        path = f"/conversations/{conversation}/messages/"
        answer: dict[str, Any] = self.api.post(path, json={"content": content, **fields}).raise_for_status().json()
        return answer

    def turn(self, message: str, verb: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.post(f"/messages/{message}/{verb}/", json={}).raise_for_status().json()
        return answer

    def events(self, conversation: str, content: str = _QUESTION) -> Iterator[dict[str, Any]]:
        path = f"/conversations/{conversation}/messages/"
        with (
            self.portal.client() as client,
            client.stream("POST", path, json={"content": content}, headers=_STREAM) as told,
        ):
            yield from sse_events(told)


def see_all(program: Path) -> Iterator[Seen]:
    """Start everything, and look at one thing after the other."""
    with tempfile.TemporaryDirectory(prefix="docent-llama-") as name:
        folder = Path(name)
        write_model(folder / "pieces.gguf", window=_WINDOW, pieces=_pieces())
        write_model(folder / "letters.gguf", window=2 * _WINDOW, layers=2)
        common = ("--alias", NAME, "--slots", "--threads", "1", "--batch-size", "256")
        llama = LlamaServer(
            program, folder / "pieces.gguf", folder / "llama.log", free_port(), _KEY,
            (*common, "--ctx-size", str(2 * _WINDOW), "--parallel", "2"),
        )  # fmt: skip
        dense = LlamaServer(
            program, folder / "letters.gguf", folder / "dense.log", free_port(), "",
            (*common, "--ctx-size", str(2 * _WINDOW), "--parallel", "1"),
        )  # fmt: skip
        servers = f"llama=openai+{llama.url}/v1, dense=openai+{dense.url}/v1, locked=openai+{llama.url}/v1"
        more = {
            "DOCENT_MODEL_SERVERS": servers,
            "DOCENT_MODEL_KEY_LLAMA": _KEY,
            "DOCENT_MODEL_KEY_LOCKED": "another-key-0123456789",
            "DOCENT_CHAT_MODEL": f"llama/{NAME}",
            "OLLAMA_HOST": "",
            "DOCENT_MODEL_REST": "0",
            "DOCENT_MODEL_STREAMS": "2",
            "DOCENT_TITLE_SECONDS": "0",
        }
        with running(llama, dense), portal(model=llama.url, more=more) as started, started.client() as api:
            api.headers["Authorization"] = f"Bearer {_admins_token(started)}"
            stage = _Stage(started, llama, dense, api)
            for see in SIGHTS:
                yield _looked(see, stage)


def _looked(see: Callable[[_Stage], Seen], stage: _Stage) -> Seen:
    try:
        return see(stage)
    except (BenchError, httpx.HTTPError, KeyError, ValueError) as error:
        told = error.response.text if isinstance(error, httpx.HTTPStatusError) else str(error)
        return Seen(
            see.__name__.strip("_").replace("_", " "), is_right=False, told=f"{type(error).__name__}: {told}"
        )


def _admins_token(started: Portal) -> str:
    """Whoever tests models and reads of the health is an admin."""
    whose = ("--tenant", started.slug, "--user", f"{started.slug}@example.org", "--name", "admin")
    scopes = [
        part for scope in ("chat", "documents:read", "documents:write", "admin") for part in ("--scope", scope)
    ]
    return manage({**os.environ, "DOCENT_DATA": str(started.data)}, "create_token", *whose, *scopes)


def _pieces() -> list[str]:
    """What a trained model's tokens look like: the most frequent pieces of English, up to six letters."""
    text = "".join(path.read_text() for path in sorted((PROJECT / "bench" / "papers").glob("*.md")))
    words = [f"\u2581{word}" for word in text.split() if word.isascii()]
    counted = Counter(
        word[start : start + size]
        for word in words
        for size in range(2, 7)
        for start in range(len(word) - size + 1)
    )
    return [piece for piece, _ in counted.most_common(_MOST_PIECES)]


def _listed(stage: _Stage) -> Seen:
    found = {one["id"]: one for one in stage.api.get("/models/").raise_for_status().json()["results"]}
    one = found[f"llama/{NAME}"]
    is_right = one["context_tokens"] == _WINDOW and f"dense/{NAME}" in found and f"locked/{NAME}" not in found
    told = f"{one['context_tokens']} tokens, {one['parameters']}, {one['size_bytes']} bytes"
    return Seen("models listed", is_right, f"{sorted(found)}, {told}, loaded: {one['is_loaded']}")


def _in_words(stage: _Stage) -> Seen:
    answer = httpx.get(f"{stage.portal.url}/health/ready", headers=stage.api.headers, timeout=10, trust_env=False)
    told = answer.json()["parts"]["model"]
    return Seen("health in words", told == f"{NAME} on llama: loaded, 4k context", told)


def _tried(stage: _Stage) -> Seen:
    trial = stage.api.post(f"/models/llama/{NAME}/test/", json={}).raise_for_status().json()
    told = f"first token {trial['time_to_first_token']} s, {trial['tokens_per_second']} tokens/s"
    return Seen("model tested", trial["ok"], f"{told}, “{trial['answer'][:40]}…”")


def _wrong_key(stage: _Stage) -> Seen:
    answer = stage.asked(stage.conversation(mode="open"), model=f"locked/{NAME}")
    told = f"{answer['status']}: {answer['error']}"
    return Seen("wrong key", "does not accept" in told and "127.0.0.1" not in told, told)


def _grounded(stage: _Stage) -> Seen:
    """Streamed, cited, finished by itself, with the server's own numbers of tokens."""
    files = {"files": ("ferries.txt", timetable().encode(), "text/plain")}
    document = stage.api.post("/documents/", files=files).raise_for_status().json()["results"][0]["id"]
    deadline = time.monotonic() + _PATIENCE
    while stage.api.get(f"/documents/{document}/").json()["status"] != "ready" and time.monotonic() < deadline:
        time.sleep(0.2)
    begun, times, text = time.perf_counter(), list[float](), ""
    last: dict[str, Any] = {}
    for event in stage.events(stage.conversation()):
        if event["type"] == "delta":
            times.append(time.perf_counter() - begun)
            text += event["text"]
        last = event
    if last["type"] != "finished":
        return Seen("grounded answer, streamed", is_right=False, told=json.dumps(last))
    gap = max((after - before for before, after in pairwise(times)), default=0.0)
    is_right = text.strip() == spoken() and last["finish_reason"] == "stop" and bool(last["citations"])
    told = f"first token {times[0]:.2f} s, {len(times)} deltas, longest gap {gap:.2f} s"
    used, context = last["usage"], last["timings"]["context"]
    told += (
        f", {used['prompt_tokens']} tokens read ({context['estimated']} estimated), {used['completion_tokens']}"
    )
    return Seen("grounded answer, streamed", is_right, f"{told} written, {len(last['citations'])} cited")


def _stopped(stage: _Stage) -> Seen:
    told: dict[str, Any] = {}
    freed = 0.0
    for event in stage.events(stage.conversation()):
        if event["type"] == "delta" and not told:
            begun = time.perf_counter()
            told = stage.turn(event["message"], "stop")
            stage.llama.wait_until(stage.llama.is_idle, within=10)
            freed = time.perf_counter() - begun
    kept = f"{told['status']}, {len(told['content'])} characters kept"
    is_right = freed < _STOP_WITHIN and told["status"] == "stopped"
    return Seen("stop reaches the server", is_right, f"slot free {freed:.2f} s after, {kept}")


def _stopped_while_it_reads(stage: _Stage) -> Seen:
    """Before the first token. The server goes on reading for a while: how long is its own affair."""
    told: dict[str, Any] = {}
    seconds = freed = 0.0
    for event in stage.events(stage.conversation(mode="open"), "Which ferry? " * 250):
        if event["type"] == "message" or told:
            continue
        stage.llama.wait_until(lambda: not stage.llama.is_idle(), within=_PATIENCE)
        begun = time.perf_counter()
        told = stage.turn(event["message"], "stop")
        seconds = time.perf_counter() - begun
        stage.llama.wait_until(stage.llama.is_idle, within=_PATIENCE)
        freed = time.perf_counter() - begun
    is_right = (told["status"], seconds < _STOP_WITHIN) == ("stopped", True)
    return Seen(
        "stop while it reads the prompt", is_right, f"stopped in {seconds:.2f} s, slot free {freed:.2f} s after"
    )


def _reader_left(stage: _Stage) -> Seen:
    """A reader leaving stops nothing."""
    for event in stage.events(stage.conversation()):
        if event["type"] == "delta":
            break
    time.sleep(0.3)
    is_writing = not stage.llama.is_idle()
    seconds = stage.llama.wait_until(stage.llama.is_idle, within=_PATIENCE)
    return Seen("reader left, answer goes on", is_writing, f"written to its end {seconds:.2f} s later")


def _cut_and_continued(stage: _Stage) -> Seen:
    made = stage.api.post("/personas/", json={"name": "Brief", "max_tokens": 20})
    cut = stage.asked(stage.conversation(persona=made.raise_for_status().json()["id"]))
    whole = stage.turn(cut["id"], "continue")
    is_right = cut["finish_reason"] == "length" and whole["content"].startswith(cut["content"])
    is_right = is_right and len(whole["content"]) > len(cut["content"])
    lengths = f"{len(cut['content'])} characters, then {len(whole['content'])}"
    told = f"{cut['finish_reason']} after {cut['usage']['completion_tokens']} tokens, {lengths}"
    return Seen("max tokens, then continue", is_right, told)


def _regenerated(stage: _Stage) -> Seen:
    first = stage.asked(stage.conversation())
    again = stage.turn(first["id"], "regenerate")
    is_right = (again["status"], again["content"]) == ("finished", first["content"]) and again["id"] != first["id"]
    return Seen("regenerate", is_right, f"{again['status']}, {again['timings'].get('total')} s")


def _several_at_once(stage: _Stage) -> Seen:
    before = time.perf_counter()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: stage.asked(stage.conversation()), range(8)))
    statuses = Counter(answer["status"] for answer in answers)
    right = sum(answer["content"].strip() == spoken() for answer in answers)
    queued = max(answer["timings"].get("queued", 0) for answer in answers)
    told = (
        f"{dict(statuses)}, {right} whole, in {time.perf_counter() - before:.1f} s, in line {queued:.1f} s at most"
    )
    return Seen("eight at once, two slots", right == len(answers), told)


def _long_history(stage: _Stage) -> Seen:
    return _told_much(stage, "llama")


def _long_history_of_letters(stage: _Stage) -> Seen:
    return _told_much(stage, "dense")


def _told_much(stage: _Stage, server: str) -> Seen:
    """Questions of 2,000 characters each until far more was said than the window holds."""
    about = {"name": f"{server} {time.monotonic_ns()}", "max_tokens": 60, "model": f"{server}/{NAME}"}
    persona = stage.api.post("/personas/", json=about).raise_for_status().json()["id"]
    conversation = stage.conversation(mode="open", memory="buffer", persona=persona)
    statuses, read = Counter[str](), 0
    for number in range(12 if server == "llama" else 6):
        content = f"Number {number}? " + "The ferry to the island leaves from pier four every day. " * 34
        answer = stage.asked(conversation, content)
        statuses[str(answer["error"]) if answer["error"] else answer["status"]] += 1
        read = max(read, (answer["timings"].get("context") or {}).get("reported") or 0)
    context = stage.api.get(f"/conversations/{conversation}/context/").raise_for_status().json()
    is_right = set(statuses) == {"finished"} and context["questions_told"] < context["questions"]
    told = f"{dict(statuses)}, fullest prompt {read} of {context['window']} tokens"
    told += f", {context['questions_told']} of {context['questions']} questions told next"
    return Seen(f"history longer than the window ({server})", is_right, told)


def _grounded_by_letters(stage: _Stage) -> Seen:
    answer = stage.asked(stage.conversation(), model=f"dense/{NAME}")
    told = f"{answer['status']}, {answer['error'] or answer['usage']}, {len(answer['citations'])} cited"
    is_right = answer["status"] == "finished" and bool(answer["citations"])
    return Seen("passages denser than was thought (dense)", is_right, told)


def _too_long_a_question(stage: _Stage) -> Seen:
    conversation = stage.conversation(mode="open")
    answer = stage.asked(conversation, "Which ferry? " * 1000, model=f"dense/{NAME}")
    told = json.dumps(answer["error"])
    return Seen("a question longer than the window", "question_too_long" in told, told)


def _smaller_than_was_told(stage: _Stage) -> Seen:
    """Started anew with a smaller window than Docent has in mind."""
    stage.dense.kill()
    stage.dense.options = (*stage.dense.options[:-4], "--ctx-size", str(_WINDOW + 1024), "--parallel", "1")
    stage.dense.start()
    return replace(_told_much(stage, "dense"), name="window made smaller behind Docent's back")


def _killed(stage: _Stage) -> Seen:
    """Amid an answer; the text so far is kept. Then it comes back, still loading at first."""
    last: dict[str, Any] = {}
    killed = 0.0
    for event in stage.events(stage.conversation()):
        if event["type"] == "delta" and not killed:
            killed = time.perf_counter()
            stage.llama.kill()
        last = event
    seconds = time.perf_counter() - killed
    gone = stage.asked(stage.conversation(mode="open"))
    stage.llama.start(wait=False)
    stage.llama.wait_until(lambda: stage.llama.status("/v1/models") != 0, within=_PATIENCE)
    status, during = stage.llama.status("/v1/models"), stage.asked(stage.conversation(mode="open"))
    stage.llama.wait_until(lambda: stage.llama.status("/health") == httpx.codes.OK, within=_PATIENCE)
    after = stage.asked(stage.conversation(mode="open"))
    is_right = (last["type"], after["status"]) == ("failed", "finished") and seconds < _ENDS_WITHIN
    told = f"{last.get('code')} after {seconds:.1f} s; away: {(gone['error'] or {}).get('detail')}"
    said = during["status"] if during["error"] is None else during["error"]["detail"]
    return Seen("killed amid an answer", is_right, f"{told}; coming ({status}): {said}; back: {after['status']}")


def _embedded(stage: _Stage) -> Seen:
    server = LlamaServer(
        stage.llama.program, stage.llama.model, stage.llama.log.with_name("embed.log"), free_port(), "",
        ("--embeddings", "--pooling", "mean", "--alias", NAME, "--threads", "1"),
    )  # fmt: skip
    with running(server):
        vectors = OpenAIEmbedder(f"{server.url}/v1", "", NAME).embed(["one", "Ferry 1 leaves"], purpose="passage")
    return Seen("embeddings", vectors.shape == (2, 256), f"{vectors.shape}, {vectors.dtype}")


SIGHTS: tuple[Callable[[_Stage], Seen], ...] = (
    _listed,
    _in_words,
    _tried,
    _wrong_key,
    _grounded,
    _stopped,
    _stopped_while_it_reads,
    _reader_left,
    _cut_and_continued,
    _regenerated,
    _long_history,
    _long_history_of_letters,
    _grounded_by_letters,
    _too_long_a_question,
    _smaller_than_was_told,
    _several_at_once,
    _killed,
    _embedded,
)

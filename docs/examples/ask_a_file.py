"""All of the main job. Usage: ask_a_file.py FILE "A question?" """

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

API = f"{os.environ['DOCENT_URL']}/api/v1"
docent = requests.Session()
docent.headers["Authorization"] = f"Bearer {os.environ['DOCENT_TOKEN']}"


def call(method: str, path: str, **options: Any) -> requests.Response:
    """The answer; a refusal ends the program with its own sentence."""
    answer = docent.request(method, f"{API}{path}", timeout=300, **options)
    if not answer.ok:
        sys.exit(str(answer.json()["detail"]))
    return answer


def upload(path: Path) -> str:
    """The document's id, when it can be asked. The same key twice is one upload, should the line break."""
    key = {"Idempotency-Key": f"upload-{path.name}-{path.stat().st_mtime_ns}"}
    with path.open("rb") as file:
        [sent] = call("POST", "/documents/", files={"files": file}, headers=key).json()["results"]
    for event in events("GET", f"/documents/{sent['id']}/events/"):
        print(f"{event['status']} {event['progress']:.0%}")
        if event["error"]:
            sys.exit(str(event["error"]["detail"]))
    return str(sent["id"])


def events(method: str, path: str, **options: Any) -> Iterator[dict[str, Any]]:
    """What a stream tells, as it comes."""
    with call(method, path, stream=True, **options) as answer:
        for line in answer.iter_lines():
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


def ask(conversation: str, question: str) -> dict[str, Any]:
    """Show the answer word by word; returns what it ended with."""
    path, headers = f"/conversations/{conversation}/messages/", {"Accept": "text/event-stream"}
    for event in events("POST", path, json={"content": question}, headers=headers):
        if event["type"] == "delta":
            print(event["text"], end="", flush=True)
        elif event["type"] == "failed":
            sys.exit(str(event["detail"]))
        elif event["type"] == "finished":
            print()
            return event
    sys.exit("The stream ended before the answer did.")


def main(path: Path, question: str) -> None:
    document = upload(path)
    conversation = call("POST", "/conversations/", json={"documents": [document]}).json()["id"]
    ended = ask(conversation, question)

    # A citation opens its page: the passage's text, and where on the page it stands.
    for citation in ended["citations"]:
        place = {"version": citation["version"], "start": citation["start"], "end": citation["end"]}
        page = call("GET", f"/documents/{citation['document']}/pages/{citation['page']}/", params=place).json()
        begin = citation["start"] - page["start"]
        print(f"[{citation['marker']}] p. {page['number']}: {page['text'][begin:][: len(citation['quote'])]}")

    found = call("POST", "/search/", json={"query": question, "documents": [document], "top_k": 1}).json()
    print(f"nearest passage: {found['results'][0]['title']}, p. {found['results'][0]['page']}")

    call("POST", f"/messages/{ended['message']}/feedback/", json={"rating": "up"})

    # Nobody else has renamed it since: else 412, and one looks again.
    read = call("GET", f"/conversations/{conversation}/")
    changed = call(
        "PATCH",
        f"/conversations/{conversation}/",
        json={"title": "Asked"},
        headers={"If-Match": read.headers["ETag"]},
    )
    print(changed.json()["title"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

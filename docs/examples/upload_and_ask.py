"""Upload a file, wait until it can be asked, ask. Usage: upload_and_ask.py FILE "A question?" ["Another?" …]"""

import os
import sys
import time
from pathlib import Path

import requests

API = f"{os.environ['DOCENT_URL']}/api/v1"
HEADERS = {"Authorization": f"Bearer {os.environ['DOCENT_TOKEN']}"}


def main(path: Path, questions: list[str]) -> None:
    with path.open("rb") as file:
        uploaded = requests.post(f"{API}/documents/", headers=HEADERS, files={"files": file}, timeout=60)
    uploaded.raise_for_status()
    [result] = uploaded.json()["results"]
    print(f"{result['name']}: {wait_until_over(result['id'])}")

    session = None
    for question in questions:
        body = {"query": question, "session_id": session}
        answer = requests.post(f"{API}/query/", headers=HEADERS, json=body, timeout=300)
        answer.raise_for_status()
        said = answer.json()
        session = said["session_id"]
        print(f"\n{question}\n{said['response']}")
        for source in said["sources"]:
            print(f"  [{source['marker']}] {source['title']}, page {source['page']}: {source['url']}")


def wait_until_over(document: str) -> str:
    """Seconds, or minutes for a thick book. Every document ends as ready, or with the reason why not."""
    while True:
        found = requests.get(f"{API}/documents/{document}/", headers=HEADERS, timeout=60)
        found.raise_for_status()
        status = str(found.json()["status"])
        if status in {"ready", "failed", "cancelled"}:
            return status
        time.sleep(0.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

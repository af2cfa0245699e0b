"""``python -m config.alive PART``: does the process of this container answer? For engines that ask by a command.

Without Django, because it is asked every few seconds. Ends with 1 if not, and says why.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import sys

from celery import Celery

from config.mounted import take_files

_PATIENCE = 5.0  # seconds


def web(port: int) -> str:
    """What is wrong with the web process on this port; empty if nothing is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        # As the proxy says it: who comes without TLS is sent to where there is some.
        headers = {"Host": "localhost", "X-Forwarded-Proto": "https"}
        connection.request("GET", "/health/live", headers=headers)
        status = connection.getresponse().status
    except OSError as error:
        return f"no answer on port {port}: {error}"
    finally:
        connection.close()
    return "" if status == http.HTTPStatus.OK else f"/health/live answers {status}"


def worker(broker: str) -> str:
    """What is wrong with the worker of this host, whose parent answers while its children read files."""
    app = Celery(broker=broker)
    app.conf.update(
        broker_transport_options={"global_keyprefix": "docent:"}, accept_content=["json"], result_backend=None
    )
    name = f"work@{socket.gethostname()}"
    answers = app.control.ping(destination=[name], timeout=_PATIENCE)
    return "" if any(name in answer for answer in answers) else f"{name} does not answer"


def main() -> int:
    """Ask. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m config.alive", description=__doc__)
    parser.add_argument("part", choices=("web", "worker"))
    parser.add_argument("--port", default=os.environ.get("PORT") or "8000", type=int)
    parsed = parser.parse_args()
    take_files()
    wrong = web(parsed.port) if parsed.part == "web" else worker(os.environ.get("REDIS_URL", ""))
    if wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - for whoever reads the engine's record of it
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

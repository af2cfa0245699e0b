"""Hands on what comes to one address to another: what lies between two networks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def forwarder(host: str, to: tuple[str, int]) -> Iterator[int]:
    """Listens there on a free port, which it gives."""
    with socket.create_server((host, 0), backlog=128) as listener:
        threading.Thread(target=_accept, args=(listener, to), daemon=True).start()
        yield int(listener.getsockname()[1])


def _accept(listener: socket.socket, to: tuple[str, int]) -> None:
    with suppress(OSError):  # closed: it is over
        while True:
            pipe, _ = listener.accept()
            try:
                other = socket.create_connection(to)
            except OSError:
                pipe.close()
                continue
            for source, target in ((pipe, other), (other, pipe)):
                threading.Thread(target=_hand_on, args=(source, target), daemon=True).start()


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)

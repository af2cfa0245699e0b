"""The socket that the web processes inherit."""

from __future__ import annotations

import socket

from config.up import Options, listen


def test_small_pieces_of_an_answer_are_sent_at_once() -> None:
    options = Options(host="127.0.0.1", port=0, workers=1, demo=False)
    with listen(options) as listener, socket.create_connection(listener.getsockname()):
        connection, _address = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

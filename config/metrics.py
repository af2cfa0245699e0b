"""`/metrics`, on a port of its own: whichever process has it first tells the numbers of all of this machine."""

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from prometheus_client import make_wsgi_app

from config.locks import open_lock, try_lock
from config.numbers import fold, own_folder, registry_of
from tenants.metrics import sample

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 5.0
_READER_SECONDS = 10.0


def tell_numbers() -> Callable[[], None]:
    """Set this process's gauges from now on, and serve `/metrics` while nobody else does.

    What it returns ends that.
    """
    is_over = threading.Event()
    threading.Thread(target=_Teller(is_over).run, name="metrics", daemon=True).start()
    return is_over.set


class _Teller:
    def __init__(self, is_over: threading.Event) -> None:
        self._is_over = is_over
        self._lock: int | None = None
        self._server: WSGIServer | None = None
        self._has_complained = False

    def run(self) -> None:
        while True:
            try:
                sample()
                if self._server is None:
                    self._serve()
            except Exception:
                logger.exception("The numbers cannot be told.")
            if self._is_over.wait(_PAUSE_SECONDS):
                break
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._lock is not None:
            os.close(self._lock)

    def _serve(self) -> None:
        if self._lock is None:
            lock = open_lock(own_folder() / "serve.lock")
            if not try_lock(lock, fcntl.LOCK_EX):
                os.close(lock)
                return
            self._lock = lock
        host, port = settings.DOCENT_METRICS_HOST, settings.DOCENT_METRICS_PORT
        try:
            self._server = make_server(host, port, _only_metrics(), _Server, handler_class=_Quiet)
        except OSError as error:
            if not self._has_complained:
                logger.warning("No numbers are told at %s port %d: %s", host, port, error.strerror)
            self._has_complained = True
            return
        threading.Thread(target=self._server.serve_forever, name="metrics-server", daemon=True).start()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Without a line for each time; whoever asks nothing is let go."""

    timeout = _READER_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's own name
        pass


def _only_metrics() -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    folder, one_at_a_time = own_folder(), threading.Lock()
    told = make_wsgi_app(registry_of(folder), disable_compression=True)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/metrics" or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not found\n"]
        with one_at_a_time:
            fold(folder)
            body: Iterable[bytes] = told(environ, start_response)
        return body

    return application

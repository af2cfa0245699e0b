"""Storage that speaks S3's protocol over a socket: moto's, which can be full, or away, when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Self

import boto3
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app  # type: ignore[attr-defined]
from werkzeug.serving import WSGIRequestHandler, make_server

_FULL = b"<?xml version='1.0'?><Error><Code>XMinioStorageFull</Code><Message>No space.</Message></Error>"
_AWAY = b"<?xml version='1.0'?><Error><Code>ServiceUnavailable</Code><Message>Away.</Message></Error>"
_BUCKET, _KEY, _SECRET = "docent-test", "a-key", "a-secret"
_WRITES = frozenset({"PUT", "POST"})


class ObjectStorageStandIn:
    """One bucket. `asked` has each request's method and path; it looks at no signature."""

    def __init__(self) -> None:
        self.is_full = self.is_away = False
        self.asked: list[tuple[str, str]] = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.client.create_bucket(Bucket=_BUCKET)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def variables(self) -> dict[str, str]:
        """What a process of Docent finds in its environment to keep files here."""
        return {
            "DOCENT_STORAGE": "s3",
            "DOCENT_S3_BUCKET": _BUCKET,
            "DOCENT_S3_ENDPOINT": self._url,
            "DOCENT_S3_REGION": "us-east-1",
            "DOCENT_S3_KEY_ID": _KEY,
            "DOCENT_S3_SECRET": _SECRET,
            "DOCENT_S3_ADDRESSING": "path",
        }

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self._url,
            region_name="us-east-1",
            aws_access_key_id=_KEY,
            aws_secret_access_key=_SECRET,
        )

    def reset(self) -> None:
        """Empty, with room, and there."""
        self.is_full = self.is_away = False
        for key in self.keys():
            self.remove(key)
        self.asked.clear()

    def keys(self) -> list[str]:
        return sorted(one["Key"] for one in self.client.list_objects_v2(Bucket=_BUCKET).get("Contents", ()))

    def read(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=_BUCKET, Key=key)["Body"].read()
        return content

    def write(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=_BUCKET, Key=key, Body=content)

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=_BUCKET, Key=key)

    def make_old(self, key: str, since: datetime) -> None:
        """As if it had been written then; S3 itself has no such call."""
        stored = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[_BUCKET].keys[key]
        stored.last_modified = since.replace(tzinfo=None)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        self.asked.append((method, environ["PATH_INFO"]))
        if self.is_away:
            return _refused(start, "503 Service Unavailable", _AWAY)
        if self.is_full and method in _WRITES:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return _refused(start, "507 Insufficient Storage", _FULL)
        answer: Iterable[bytes] = self._moto(environ, start)
        return answer


class _Quiet(WSGIRequestHandler):
    """Says nothing of each request: a test that fails has its own words."""

    def log_request(self, *_: object) -> None:
        """Nothing."""


def _refused(start: Callable[..., Any], status: str, body: bytes) -> list[bytes]:
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]

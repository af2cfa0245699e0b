"""What an organisation or a person leaves outside their rows: files, keys in Valkey, messages, sessions."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from redis import Redis

from tenants.files.listing import listed

_PREFIX = str(settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"])
_FETCHED = f"{_PREFIX}unacked"  # kombu's own name


def list_files(tenant_id: UUID) -> Iterator[str]:
    """The storage keys of everything that belongs to a tenant."""
    yield from _walk(f"t/{tenant_id}")


def remove_files(tenant_id: UUID) -> int:
    """Delete all of them, and their folders; returns how many there were."""
    keys = list(list_files(tenant_id))
    for key in keys:
        default_storage.delete(key)
    _remove_folders(f"t/{tenant_id}")
    return len(keys)


def list_keys(*ids: UUID) -> list[str]:
    """Valkey's keys that name all of these, in this order: a tenant, a person, or a person in a tenant."""
    with _valkey() as valkey:
        pattern = f"*{'*'.join(map(str, ids))}*"
        return sorted(key.decode() for key in valkey.scan_iter(match=pattern, count=1000))


def remove_keys(*ids: UUID) -> int:
    keys = list_keys(*ids)
    with _valkey() as valkey:
        return int(valkey.delete(*keys)) if keys else 0


def count_tasks(tenant_id: UUID) -> int:
    """Messages of the task queue that are signed for a tenant, fetched by a worker or not."""
    with _valkey() as valkey:
        return sum(1 for _ in (*_waiting(valkey, tenant_id), *_fetched(valkey, tenant_id)))


def remove_tasks(tenant_id: UUID) -> int:
    """A worker that has fetched one finds no job for it."""
    with _valkey() as valkey:
        waiting = [valkey.lrem(queue, 1, message) for queue, message in list(_waiting(valkey, tenant_id))]
        fetched = [valkey.hdel(_FETCHED, tag) for tag in list(_fetched(valkey, tenant_id))]
    return sum(map(int, [*waiting, *fetched]))


def _waiting(valkey: Redis, tenant_id: UUID) -> Iterator[tuple[Any, Any]]:
    """Each queue and message: Celery's queues are lists, whose messages carry their headers in the clear."""
    wanted = str(tenant_id).encode()
    for queue in valkey.scan_iter(match=f"{_PREFIX}*", _type="list"):
        messages: list[Any] = valkey.lrange(queue, 0, -1)
        yield from ((queue, message) for message in messages if wanted in message)


def _fetched(valkey: Redis, tenant_id: UUID) -> Iterator[Any]:
    """The tags of messages that a worker holds and has not acknowledged."""
    wanted = str(tenant_id).encode()
    for tag, message in valkey.hscan_iter(_FETCHED):
        if wanted in message:
            yield tag


def list_sessions(user_id: UUID) -> Iterator[str]:
    """The keys of a person's sessions: whose they are is written inside them."""
    for session in Session.objects.order_by("session_key").iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user_id):
            yield session.session_key


def remove_sessions(user_id: UUID) -> int:
    return Session.objects.filter(session_key__in=list(list_sessions(user_id))).delete()[0]


def _valkey() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=5)


def _walk(folder: str) -> Iterator[str]:
    folders, files = listed(folder)
    yield from (f"{folder}/{name}" for name in files)
    for name in folders:
        yield from _walk(f"{folder}/{name}")


def _remove_folders(folder: str) -> None:
    """Storages without folders have none to remove."""
    if not default_storage.exists(folder):
        return
    for name in default_storage.listdir(folder)[0]:
        _remove_folders(f"{folder}/{name}")
    default_storage.delete(folder)

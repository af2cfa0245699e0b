"""What `/metrics` says: the numbers of all processes of this machine, and what the database knows of the work."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from platform import python_version

from django import get_version
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from config.probes import valkey_answers
from tenants.database.answered_connections import is_away
from tenants.jobs.handlers import Queue

VERSION = "0.1.0"
_FRESH_SECONDS = 5.0
_QUEUES = """
    SELECT queue, count(*) FILTER (WHERE is_due), count(*) FILTER (WHERE is_running), count(dead_at),
           coalesce(extract(epoch FROM max(now() - run_at) FILTER (WHERE is_due)), 0)
    FROM (
        SELECT queue, run_at, dead_at, dead_at IS NULL AND coalesce(lease_expires_at > now(), false) AS is_running,
               dead_at IS NULL AND run_at <= now() AND coalesce(lease_expires_at <= now(), true) AS is_due
        FROM tenants_job
    ) AS job
    GROUP BY queue
"""
Row = tuple[int, int, int, float]


def registry_of(folder: Path) -> CollectorRegistry:
    """All that is told, read anew each time; what the database says is a few seconds old at most."""
    registry = CollectorRegistry()
    for one in (MultiProcessCollector(None, path=str(folder)), _Servers(), _Build()):
        registry.register(one)
    return registry


class _Build(Collector):
    def collect(self) -> Iterator[Metric]:
        labels = {"version": VERSION, "python": python_version(), "django": get_version()}
        told = GaugeMetricFamily("docent_build_info", "Which Docent this is.", labels=list(labels))
        told.add_metric(list(labels.values()), 1)
        yield told


class _Servers(Collector):
    """Whether the servers answer, and how long the queues are."""

    def __init__(self) -> None:
        self._asked_at = float("-inf")
        self._queues: dict[str, Row] | None = None
        self._has_valkey = False

    def collect(self) -> Iterator[Metric]:
        if time.monotonic() - self._asked_at > _FRESH_SECONDS:
            self._queues, self._has_valkey = _queues(), valkey_answers()
            self._asked_at = time.monotonic()
        yield GaugeMetricFamily(
            "docent_database_up", "Whether PostgreSQL answers.", value=float(self._queues is not None)
        )
        yield GaugeMetricFamily("docent_valkey_up", "Whether Valkey answers.", value=float(self._has_valkey))
        if self._queues is None:
            return
        jobs = GaugeMetricFamily(
            "docent_jobs_queued", "Jobs that are due, under way, or given up.", labels=["queue", "state"]
        )
        oldest = GaugeMetricFamily(
            "docent_jobs_oldest_seconds", "How long the job that is due longest has been.", labels=["queue"]
        )
        for queue in Queue:
            waiting, running, dead, age = self._queues.get(queue, (0, 0, 0, 0.0))
            for state, number in (("waiting", waiting), ("running", running), ("dead", dead)):
                jobs.add_metric([queue, state], number)
            oldest.add_metric([queue], float(age))
        yield jobs
        yield oldest


def _queues() -> dict[str, Row] | None:
    """By queue; None while the database does not say."""
    if is_away():
        return None
    try:
        with connection.cursor() as cursor:
            cursor.execute(_QUEUES)
            return {row[0]: row[1:] for row in cursor.fetchall()}
    except (DatabaseError, InterfaceError):
        return None
    finally:
        connections.close_all()


def fold(folder: Path) -> None:
    """Add what processes have counted that are gone to one file, and forget their gauges.

    Else each process that ever ran would leave some, and one that is gone would have sockets open.
    """
    for path in folder.glob("*_*.db"):
        kind, pid = path.stem.split("_", 1)[0], path.stem.rsplit("_", 1)[1]
        if pid == "0" or Path("/proc", pid).exists():
            continue
        if kind in {"counter", "histogram"}:
            _add(path, folder / f"{kind}_0.db")
        path.unlink(missing_ok=True)


def _add(path: Path, to: Path) -> None:
    total = MmapedDict(str(to))
    try:
        for key, value, stamp, _ in MmapedDict.read_all_values_from_file(str(path)):
            total.write_value(key, total.read_value(key)[0] + value, stamp)
    finally:
        total.close()


def own_folder() -> Path:
    """Where the processes of this machine keep their numbers; made anew if somebody has tidied up."""
    folder: Path = settings.DOCENT_METRICS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    assert folder.stat().st_uid == os.getuid()
    return folder

"""How one sees what Docent does: its numbers, its log, its traces."""

import hashlib
import os
import tempfile
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

# --- Numbers ---------------------------------------------------------------------------------------------
# Where `/metrics` is served for all processes of this machine that share a state folder; 0: nowhere.
DOCENT_METRICS_PORT = env.int("DOCENT_METRICS_PORT", default=0)
DOCENT_METRICS_HOST = env.str("DOCENT_METRICS_HOST", default="127.0.0.1")


def shared_numbers(data: Path) -> Path:
    """Where the processes of one machine keep their numbers for each other.

    Files are named by process, so that of two machines, or containers, each has a folder of its own: it is no
    part of the state folder, which they may share. They are mapped into memory, and a full disk would then end
    their processes: in memory they are safe from that. The library reads this variable when it is imported.
    """
    name = f"docent-{os.getuid()}-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}"
    memory = "/dev/shm"  # noqa: S108 - the folder in it is private, and looked at
    folder = Path(memory if os.access(memory, os.W_OK) else tempfile.gettempdir(), name)
    if DOCENT_METRICS_PORT:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise ImproperlyConfigured(f"{folder} is somebody else's.")
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    return folder


# --- The log ---------------------------------------------------------------------------------------------
DOCENT_LOG_FORMAT = env.str("DOCENT_LOG_FORMAT", default="plain")
if DOCENT_LOG_FORMAT not in {"plain", "json"}:
    raise ImproperlyConfigured(f"DOCENT_LOG_FORMAT is “{DOCENT_LOG_FORMAT}”; it can be plain or json.")
_level = env.str("DOCENT_LOG_LEVEL", default="INFO").upper()
# What libraries say in detail is what passes through them: frames, requests, documents' words.
_others = "INFO" if _level in {"DEBUG", "NOTSET"} else _level
_OURS = ("config", "conversations", "documents", "providers", "retrieval", "tenants")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "tenants.observing.log_lines.EscapedFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "json": {"()": "tenants.observing.log_lines.JsonFormatter"},
    },
    "filters": {"paths_alone": {"()": "tenants.observing.log_lines.PathsAlone"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": DOCENT_LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": _others},
    "loggers": {
        **{name: {"level": _level} for name in _OURS},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "mcp": {"level": "WARNING"},
        "openai": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # Theirs go where ours go, in the same form.
        "uvicorn": {"handlers": [], "propagate": True},
        "uvicorn.access": {"handlers": [], "propagate": True, "filters": ["paths_alone"]},
    },
}

# --- Traces ----------------------------------------------------------------------------------------------
# Where spans are sent by OTLP over http, as http://127.0.0.1:4318/v1/traces; nothing: there are none.
DOCENT_OTEL_ENDPOINT = env.str("DOCENT_OTEL_ENDPOINT", default="")

"""What every process does to be seen: it tells its numbers and sends its traces, if the settings ask for it."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from config.metrics import tell_numbers


def be_seen() -> Callable[[], None]:
    """From now on; what it returns ends it. By the process that works: its threads are in no child of it."""
    if settings.DOCENT_OTEL_ENDPOINT:
        _start_traces(settings.DOCENT_OTEL_ENDPOINT)
    return tell_numbers() if settings.DOCENT_METRICS_PORT else lambda: None


def _start_traces(endpoint: str) -> None:
    # Half a second and twenty megabytes: for those who want it.
    try:
        start = import_string("config.telemetry.start")
    except ImportError as error:
        wanted = "DOCENT_OTEL_ENDPOINT is set, and what sends traces is not installed: make otel."
        raise ImproperlyConfigured(wanted) from error
    start(endpoint)

"""OpenTelemetry, where DOCENT_OTEL_ENDPOINT asks for it: imported then, not before. See requirements/otel.in."""

from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tenants.observing.trace_spans import trace_by


def start(endpoint: str) -> None:
    """Send spans there, by a thread of this process."""
    collect(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))


def collect(processor: SpanProcessor) -> None:
    """Hand every span of this process to `processor`."""
    provider = TracerProvider(resource=Resource.create({"service.name": "docent"}))
    provider.add_span_processor(processor)
    trace_by(provider.get_tracer("docent"), _ids)


def _ids() -> Mapping[str, str]:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace": trace.format_trace_id(context.trace_id), "span": trace.format_span_id(context.span_id)}

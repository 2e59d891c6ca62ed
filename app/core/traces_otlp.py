"""A span for each request and for its transaction, sent to a collector by OpenTelemetry: what was done, never for whom.

How many are kept (OTEL_TRACES_SAMPLER), headers for the collector (OTEL_EXPORTER_OTLP_HEADERS) and the like are
OpenTelemetry's own settings.
"""

import asyncio
from contextvars import ContextVar
from typing import Any

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app.core.database import Database
from app.core.identity import IdentifiedConnection
from app.core.logs import kind_of
from app.core.metrics import names_of

CARRIED = {b"traceparent": "traceparent", b"tracestate": "tracestate"}
SENDING_SECONDS = 5.0
"""How long one parcel of spans may take to be sent; what cannot be sent is dropped."""

_tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)
"""Of the request that is worked on; without one (a job, a scrape) nothing is traced."""
_propagator = TraceContextTextMapPropagator()


def provider(url: str) -> TracerProvider:
    """What collects spans and sends them in the background to `url` (OTLP over HTTP, without the path)."""
    made = TracerProvider(resource=Resource.create({"service.name": "peer-support"}))
    exporter = OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces", timeout=SENDING_SECONDS)
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


class Traced:
    """Pure ASGI, inside the edge: a request's span, as part of the caller's trace where a traceparent came with it."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        self.app = app
        self._provider = provider
        self._tracer = provider.get_tracer("peer-support")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; or the service's whole life, at whose end what is left is sent."""
        if scope["type"] != "http":
            try:
                await self.app(scope, receive, send)
            finally:
                if scope["type"] == "lifespan":
                    await asyncio.to_thread(self._provider.shutdown)
            return
        carrier = {CARRIED[name]: value.decode("latin-1") for name, value in scope["headers"] if name in CARRIED}
        span = self._tracer.start_span("request", context=_propagator.extract(carrier), kind=SpanKind.SERVER)
        token = context.attach(trace.set_span_in_context(span))
        _tracer.set(self._tracer)
        bind_contextvars(trace_id=trace.format_trace_id(span.get_span_context().trace_id))
        try:
            await self.app(scope, receive, _noting(span, send))
        except Exception as error:
            span.set_attribute("error.type", kind_of(error))
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            _describe(span, scope)
            span.end()
            context.detach(token)


def _noting(span: Span, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= 500:
                span.set_status(StatusCode.ERROR)
        await send(message)

    return sending


def _describe(span: Span, scope: Scope) -> None:
    """The names of things alone: no address as it was sent, no query, no body."""
    route, method, role = names_of(scope)
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("peer_support.request_id", str(scope["state"].get("request_id", "")))
    span.set_attribute("peer_support.role", role)


class TracedConnection(IdentifiedConnection):
    """A connection whose transactions are spans below their request's; no statement is in them."""

    span: Span | None = None

    async def begin(self, beginning: str) -> None:
        """Begin as somebody."""
        tracer = _tracer.get()
        if tracer is not None and beginning != IdentifiedConnection.beginning:  # the driver's own first words are none
            attributes = {"db.system.name": "postgresql"}
            self.span = tracer.start_span("transaction", kind=SpanKind.CLIENT, attributes=attributes)
        await super().begin(beginning)

    async def execute(self, query: str, *values: Any, **options: Any) -> Any:
        """Run a statement; the one that ends the transaction ends its span."""
        try:
            return await super().execute(query, *values, **options)
        finally:
            if self.span is not None and query in ("COMMIT", "ROLLBACK"):
                self.span.set_attribute("db.operation.name", query)
                self.span.end()
                self.span = None


class TracedDatabase(Database):
    """A database whose transactions are traced."""

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"connection_class": TracedConnection}

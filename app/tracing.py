"""Spans for OpenTelemetry, where XINXIN_OTLP_ENDPOINT names a collector; else nothing is loaded and a span costs one comparison.

A span tells templates, codes, numbers and our own names. Never an id, a path, a query, an address, a text, or what an exception says.
The tracer is this module's own and no global one: whatever libraries would tell by themselves (whole addresses, bodies) goes nowhere.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

Kind = Literal["internal", "server", "client", "consumer"]
Attributes = Mapping[str, str | int | bool | None]
NONE: Attributes = {}
PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
# What a client chose as its request's id may be any word: only drawn ones are kept in the queue.
DRAWN = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
EXPORT_SECONDS, STOP_SECONDS = 5.0, 1.0
QUEUE, BATCH, EVERY_MS = 4_096, 512, 2_000

_tracer: Any = None
_provider: Any = None


class _Nothing:
    """Stands in for a span while nobody traces."""

    def set(self, attributes: Attributes, *, name: str | None = None) -> None:
        pass


class Open:
    """A span in hand."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def set(self, attributes: Attributes, *, name: str | None = None) -> None:
        """What is None is left out."""
        if name is not None:
            self._span.update_name(name)
        self._span.set_attributes(_known(attributes))

    def fail(self, error: BaseException) -> None:
        """The kind of it only: its text may hold anything."""
        from opentelemetry.trace import StatusCode

        self._span.set_attribute("error.type", type(error).__name__)
        self._span.set_status(StatusCode.ERROR)

    def end(self) -> None:
        self._span.end()


NOTHING = _Nothing()
OFF: AbstractContextManager[_Nothing] = nullcontext(NOTHING)


def configure(endpoint: str | None, *, process: str) -> None:
    """Begins to trace, when there is an endpoint: `http://collector:4318`, to which /v1/traces is added. Spans go out by a thread of
    their own; a collector that is away or slow loses them, and holds up nobody."""
    global _tracer, _provider
    if not endpoint:
        return
    import requests
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    session = requests.Session()
    session.trust_env = False  # settings alone say whom the service talks to
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS, session=session)
    resource = Resource({"service.name": "xinxin", "xinxin.process": process})
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=QUEUE, max_export_batch_size=BATCH, schedule_delay_millis=EVERY_MS)
    )
    _tracer = _provider.get_tracer("xinxin")


def on() -> bool:
    return _tracer is not None


def stop() -> None:
    """Sends what is left, in a second or not at all: a collector that is away must not hold up a process that ends."""
    global _tracer, _provider
    if _provider is not None:
        ending = threading.Thread(target=_provider.shutdown, daemon=True)
        ending.start()
        ending.join(STOP_SECONDS)
    _tracer = _provider = None


def span(name: str, kind: Kind = "internal", attributes: Attributes = NONE, *, parent: str | None = None) -> AbstractContextManager[Any]:
    """A span around the block, below the one that is open, or below `parent` (a traceparent). Its `set` adds what is known later."""
    return OFF if _tracer is None else _opened(name, kind, attributes, parent)


@contextmanager
def _opened(name: str, kind: Kind, attributes: Attributes, parent: str | None) -> Iterator[Open]:
    from opentelemetry.trace import SpanKind

    with _tracer.start_as_current_span(
        name, context=_context_of(parent), kind=SpanKind[kind.upper()], attributes=_known(attributes), record_exception=False,
        set_status_on_exception=False,
    ) as begun:
        opened = Open(begun)
        try:
            yield opened
        except BaseException as error:
            opened.fail(error)
            raise


def begin(name: str, attributes: Attributes = NONE) -> Open | None:
    """A span that whoever gets it ends, and that others do not stand below. None while nobody traces."""
    return None if _tracer is None else Open(_tracer.start_span(name, attributes=_known(attributes)))


def _known(attributes: Attributes) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _context_of(parent: str | None) -> Any:
    """None leaves the span below the one that is open here."""
    found = PARENT.fullmatch(parent or "")
    if found is None:
        return None
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    above = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=TraceFlags(int(found[3], 16) | 1))
    return set_span_in_context(NonRecordingSpan(above)) if above.is_valid else None


def traceparent() -> str | None:
    """Of the span that is open here, to be told to whoever goes on with the work."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    here = get_current_span().get_span_context()
    return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags:02x}" if here.is_valid else None


def kept_id(request_id: str | None) -> str | None:
    return request_id if request_id and DRAWN.fullmatch(request_id) else None

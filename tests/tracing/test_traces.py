"""What an OTLP collector hears: requests, transactions, calls, jobs, one below the other; and nothing about anybody."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import structlog
from fastapi import FastAPI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import event
from sqlalchemy.orm import Session as SyncSession

from app import tracing
from app.db import spans
from app.db.session import AsyncSession, Database
from app.jobs import runner
from app.jobs import service as jobs_service
from app.jobs.leases import Lease
from app.jobs.registry import Context
from app.main import create_app
from app.settings import Settings
from app.storage.store import ObjectStore
from app.wechat.client import WeChatClient
from tests.support.people import People
from tests.support.simulator import RunningSimulator

PROXY, STRANGER = ("10.1.2.3", 4711), ("203.0.113.9", 4711)
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
CANARY = "13912345678"


class Collector:
    """Keeps the bytes, as they came, and the spans in them."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        keeping = self.bodies

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                keeping.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Any]:
        """All that was told until now; nothing more is traced afterwards."""
        tracing._provider.force_flush()
        tracing.stop()
        found = []
        for body in self.bodies:
            told = ExportTraceServiceRequest.FromString(body)
            found += [span for resource in told.resource_spans for scope in resource.scope_spans for span in scope.spans]
        return found

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    tracing.configure(made.url, process="test")
    spans.told()
    yield made
    tracing.stop()
    for name, listener in (("after_begin", spans._begun), ("after_rollback", spans._rolled_back), ("after_transaction_end", spans._ended)):
        event.remove(SyncSession, name, listener)
    made.close()


@pytest.fixture(scope="module")
def behind_a_proxy(settings: Settings) -> FastAPI:
    """The application takes a second to make; whether there is an endpoint decides whether the layer stands in it."""
    return create_app(settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:9", "trusted_proxies": "10.0.0.0/8"}))


@pytest.fixture
def traced(behind_a_proxy: FastAPI, collector: Collector, database: Database, wechat: WeChatClient, store: ObjectStore) -> FastAPI:
    state = behind_a_proxy.state
    state.database, state.wechat, state.store = database, wechat, store
    return behind_a_proxy


def calling(made: FastAPI, came_from: tuple[str, int]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(made, client=came_from), base_url="http://test")


def facts(span: Any) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value or one.value.bool_value for one in span.attributes}


async def test_a_request_and_what_it_did(traced: FastAPI, collector: Collector, simulator: RunningSimulator) -> None:
    """The sign-in's code, tokens, person and address are nowhere in what goes out."""
    code = await simulator.code(CANARY)
    async with calling(traced, STRANGER) as client:
        asked = {"X-Request-ID": CANARY, "User-Agent": CANARY, "X-Forwarded-For": CANARY, **PARENT}
        signed = await client.post(f"/api/v1/auth/wechat?phone={CANARY}", json={"code": code, "device": CANARY}, headers=asked)
        assert signed.status_code in (200, 422), signed.text
        signed = await client.post("/api/v1/auth/wechat", json={"code": code}, headers=asked)
        tokens = signed.json()
        await client.get(f"/api/v1/reports/{tokens['account']['id']}", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        await client.get("/health/ready")
    told = collector.spans()
    names = {span.name for span in told}
    assert {"POST /api/v1/auth/wechat", "GET /api/v1/reports/{report_id}", "transaction", "wechat.call", "storage"} <= names, names
    by_id = {span.span_id: span for span in told}
    call = next(span for span in told if span.name == "wechat.call" and facts(span)["wechat.call"] == "jscode2session")
    assert by_id[call.parent_span_id].name == "POST /api/v1/auth/wechat"
    assert "POST /api/v1/auth/wechat" in {by_id[span.parent_span_id].name for span in told if span.name == "transaction"}
    found = next(span for span in told if span.name == "GET /api/v1/reports/{report_id}")
    assert facts(found)["http.response.status_code"] == 404 and facts(found)["http.route"] == "/api/v1/reports/{report_id}"
    everything = b"\n".join(collector.bodies)
    words = (CANARY, code, tokens["access_token"], tokens["refresh_token"], tokens["account"]["id"], STRANGER[0])
    assert not [word for word in words if word.encode() in everything]


async def test_only_a_proxy_of_ours_says_where_a_request_belongs(traced: FastAPI, collector: Collector) -> None:
    for came_from in (PROXY, STRANGER):
        async with calling(traced, came_from) as client:
            await client.get("/health/live", headers=PARENT)
    below, own = (span for span in collector.spans() if span.name == "GET /health/live")
    assert (below.trace_id.hex(), below.parent_span_id.hex()) == (TRACE, SPAN)
    assert own.trace_id.hex() != TRACE and not own.parent_span_id


async def test_a_failure_tells_its_kind_and_not_what_it_says(collector: Collector) -> None:
    with pytest.raises(ValueError), tracing.span("work"):
        raise ValueError(CANARY)
    (span,) = collector.spans()
    assert facts(span) == {"error.type": "ValueError"} and not span.events and CANARY.encode() not in b"".join(collector.bodies)


async def test_a_job_names_the_request_that_caused_it(
    collector: Collector, session: AsyncSession, database: Database, wechat: WeChatClient, store: ObjectStore, settings: Settings
) -> None:
    """From the edge to the queue's row to the worker's log, trail and trace."""
    drawn = "0123456789abcdef0123456789abcdef"
    session.info["request_id"] = drawn
    with tracing.span("request", "server", parent=PARENT["traceparent"]):
        await jobs_service.enqueue(session, "test.traced", {})
    headers = (await session.exec(sa.text("select headers from jobs.pgqueuer where entrypoint = 'test.traced'"))).scalar_one()
    assert headers["request_id"] == drawn and headers["traceparent"].startswith(f"00-{TRACE}-")

    seen: dict[str, Any] = {}

    async def work(context: Context, job: Any) -> None:
        seen.update(structlog.contextvars.get_contextvars(), trail=context.database.info.get("request_id"))

    job: Any = SimpleNamespace(id=7, entrypoint="test.traced", headers=headers, attempts=0, payload=b"{}")
    queries: Any = SimpleNamespace(leases={7: Lease(7, 1, settings)})  # type: ignore[arg-type]
    await runner._run(queries, Context(database, wechat, store, settings), work, job)
    assert (seen["request_id"], seen["job"], seen["trail"]) == (drawn, "test.traced", drawn)
    ran = next(span for span in collector.spans() if span.name == "job test.traced")
    assert ran.trace_id.hex() == TRACE and facts(ran)["xinxin.request_id"] == drawn


async def test_a_word_that_a_client_chose_is_not_kept_in_the_queue(session: AsyncSession) -> None:
    session.info["request_id"] = CANARY
    await jobs_service.enqueue(session, "test.traced", {})
    assert (await session.exec(sa.text("select headers from jobs.pgqueuer where entrypoint = 'test.traced'"))).scalar_one() is None


def test_a_collector_that_takes_and_never_answers_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "EXPORT_SECONDS", 0.3)
    monkeypatch.setattr(tracing, "STOP_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tracing.configure(f"http://127.0.0.1:{silent.getsockname()[1]}", process="test")
        started = time.monotonic()
        for _ in range(1_000):
            with tracing.span("work"):
                pass
        tracing.stop()
        assert time.monotonic() - started < tracing.STOP_SECONDS + 1


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://"])
def test_an_endpoint_that_is_none_stops_the_start(endpoint: str) -> None:
    with pytest.raises(ValueError, match="OTLP_ENDPOINT"):
        Settings(otlp_endpoint=endpoint)


async def test_without_a_collector_nothing_is_traced(client: httpx.AsyncClient, people: People) -> None:
    person = await people.member()
    assert (await client.get("/api/v1/auth/sessions", headers=person.headers)).status_code == 200
    assert not tracing.on() and tracing.traceparent() is None and tracing.span("work") is tracing.OFF and tracing.begin("work") is None

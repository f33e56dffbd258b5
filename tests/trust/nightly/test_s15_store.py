"""S15: the object store answers 500, is slow, cuts at half, keeps something else, keeps and does not say so. Between the service and a
real S3 server stands the fault proxy; what became of each photo is read from the rows and from the server itself.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from obstore.store import S3Store
from PIL import Image

from app.db.session import AsyncSession, Database
from app.errors import Busy
from app.jobs.registry import PERIODIC, Context
from app.settings import Settings
from app.storage.store import ObjectStore, open_store
from app.uploads import jobs, keeping, workflow
from tests.storage.conftest import bucket, s3_url
from tests.support.people import People, Person
from tests.trust.plugin import Measure
from tests.trust.rig.proxy import GOOD, Fault, Proxy
from tests.uploads.photos import encoded

__all__ = ["bucket", "s3_url"]
HALF = 60_000  # of the 120 KB or more that each photo below is
ENDS, OTHER = b"\xff\xd9", b"\xff\xd8"  # the last two bytes of a JPEG
COLUMNS = ("image_key", "medium_key", "thumb_key", "original_key")
TROUBLES = {
    "answers 500": None,
    "keeps, and answers 500": Fault(replaced=(b"HTTP/1.1 200 OK", b"HTTP/1.1 500 NO"), way="down"),
    "slow": Fault(latency=11.0, way="down"),
    "reset at half": Fault(cut_after=HALF, reset=True, way="up"),
    "is given other bytes": Fault(replaced=(ENDS, OTHER), way="up"),
    "gives back other bytes": Fault(replaced=(ENDS, OTHER), way="down"),
    "keeps, then is cut": Fault(lose_answer=True),
    "refuses": Fault(refuse=True),
}
SAID_WITHIN = 13.0  # ten seconds for the store, the picture itself, a busy machine


@asynccontextmanager
async def always_500() -> AsyncIterator[str]:
    """A server that reads a request and says 500; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"{host}:{port}"


@pytest.fixture
def link(s3_url: str) -> Iterator[Proxy]:
    with Proxy(f"127.0.0.1:{urlsplit(s3_url).port}") as link:
        yield link


@pytest.fixture
async def far(link: Proxy, s3_url: str, bucket: ObjectStore) -> AsyncIterator[ObjectStore]:
    """The store as the service reaches it."""
    store = open_store(s3_url.replace(f":{urlsplit(s3_url).port}/", f":{link.port}/"))
    yield store
    await store.aclose()


@asynccontextmanager
async def trouble(link: Proxy, name: str) -> AsyncIterator[None]:
    """No connection that stood before is used; nor is one of these afterwards."""
    fault, good = TROUBLES[name], link.upstream
    async with always_500() as bad:
        link.cut_all()
        if fault is None:
            link.upstream = bad
        else:
            link.fault = fault
        try:
            yield
        finally:
            link.upstream, link.fault = good, GOOD
            link.cut_all()


def photo() -> bytes:
    return encoded(Image.effect_noise((900, 700), 60).convert("RGB"), "JPEG", quality=90)


async def sent(client: httpx.AsyncClient, who: Person, data: bytes, key: str) -> httpx.Response:
    headers = who.headers | {"Idempotency-Key": key}
    return await client.post("/api/v1/uploads", files={"file": ("a.jpg", data, "image/jpeg")}, headers=headers)


async def rows(session: AsyncSession) -> dict[str, dict[str, str]]:
    """By id: the keys that a photo's row names."""
    found = await session.exec(sa.text(f"select id, {', '.join(COLUMNS)} from upload where erased_at is null"))
    return {str(row.id): {name: getattr(row, name) for name in COLUMNS if getattr(row, name)} for row in found}


async def judge(bucket: ObjectStore, kept: dict[str, dict[str, str]], wanted: dict[str, dict[str, bytes]]) -> None:
    """No row points to an object that is missing, or that differs from what a store without trouble keeps of the same photo."""
    for upload_id, keys in kept.items():
        for name, key in keys.items():
            assert await bucket.exists(key), f"{upload_id}: {name} is missing"
            assert await bucket.get(key) == wanted[upload_id][name], f"{upload_id}: {name} differs"


async def objects(bucket: ObjectStore) -> set[str]:
    return {found.key for folder in keeping.FOLDERS for page in [page async for page in bucket.listing(folder)] for found in page}


async def told(client: httpx.AsyncClient, link: Proxy, who: Person, name: str, data: bytes) -> tuple[str, float]:
    """A photo is sent while there is trouble, and again under the same key when it is over: 503, then one photo; its id, the seconds."""
    key = uuid4().hex
    async with trouble(link, name):
        began = time.monotonic()
        refused = await sent(client, who, data, key)
        seconds = time.monotonic() - began
    assert (refused.status_code, refused.json()["code"]) == (503, "busy"), (name, refused.text)
    assert int(refused.headers["retry-after"]) >= 1
    made = await sent(client, who, data, key)
    assert made.status_code == 201, (name, made.text)
    again = await sent(client, who, data, key)
    assert (again.status_code, again.json()["id"]) == (201, made.json()["id"])
    return made.json()["id"], seconds


@pytest.mark.check("S15", tier="N")
async def test_each_trouble_is_said_and_leaves_nothing_wrong(
    client: httpx.AsyncClient, application: FastAPI, session: AsyncSession, database: Database, settings: Settings, people: People,
    wechat: Any, far: ObjectStore, bucket: ObjectStore, link: Proxy, measured: Measure, monkeypatch: pytest.MonkeyPatch,
) -> None:
    who, wanted = await people.member(), {}
    application.state.store = far
    for name in TROUBLES:
        data = photo()
        assert len(data) > 2 * HALF
        calm = (await sent(client, who, data, uuid4().hex)).json()["id"]
        known = (await rows(session))[calm]
        upload_id, seconds = await told(client, link, who, name, data)
        assert seconds < SAID_WITHIN, (name, seconds)
        measured(f"503 when it {name}", round(seconds, 1), "s")
        wanted[upload_id] = wanted[calm] = {column: await bucket.get(key) for column, key in known.items()}
    kept = await rows(session)
    assert len(kept) == 2 * len(TROUBLES) and kept.keys() == wanted.keys()
    await judge(bucket, kept, wanted)
    context, named = Context(database, wechat, far, settings), {key for keys in kept.values() for key in keys.values()}
    orphans = await objects(bucket) - named
    measured("objects without a row", len(orphans))
    assert orphans, "a store that keeps and does not say so leaves some"
    await jobs.sweep_objects(context)
    assert await objects(bucket) - named == orphans, "a request that still runs may own them"
    monkeypatch.setattr(workflow, "ORPHAN_AFTER", timedelta(seconds=-60))
    async with trouble(link, "refuses"):
        with pytest.raises(Busy):
            await jobs.sweep_objects(context)
    await jobs.sweep_objects(context)
    assert await objects(bucket) == named
    await judge(bucket, kept, wanted)


@pytest.mark.check("S15", tier="N")
def test_an_orphan_is_gone_within_a_day() -> None:
    """At most so old when it is looked at first, and then at every look."""
    minute, hours, *rest = PERIODIC["upload.sweep_objects"][0].split()
    assert minute.isdigit() and hours.startswith("*/") and rest == ["*", "*", "*"]
    assert workflow.ORPHAN_AFTER + timedelta(hours=int(hours[2:])) <= timedelta(hours=24)


@pytest.mark.variant("S15")
async def test_variant_without_the_reading_back_a_row_points_to_other_bytes(
    client: httpx.AsyncClient, application: FastAPI, session: AsyncSession, people: People, link: Proxy, s3_url: str, bucket: ObjectStore
) -> None:
    """And a client that signs no content, so that the server cannot notice either. With the reading back, the same photo is refused."""
    parts, who, data = urlsplit(s3_url), await people.member(), photo()
    backend = S3Store(
        parts.path.strip("/"), endpoint=f"http://127.0.0.1:{link.port}", access_key_id="tests-access",
        secret_access_key="tests/secret+with=signs", region="us-east-1", unsigned_payload=True, client_options={"allow_http": True},
    )

    async def believe(key: str, sent: bytes) -> None:
        return

    application.state.store = ObjectStore(backend, believe)
    calm = (await sent(client, who, data, uuid4().hex)).json()["id"]
    wanted = {column: await bucket.get(key) for column, key in (await rows(session))[calm].items()}
    async with trouble(link, "is given other bytes"):
        made = await sent(client, who, data, uuid4().hex)
    assert made.status_code == 201
    with pytest.raises(AssertionError, match="differs"):
        await judge(bucket, await rows(session), {calm: wanted, made.json()["id"]: wanted})

    async def compare(key: str, sent: bytes) -> None:
        if await bucket.get(key) != sent:
            raise Busy

    application.state.store = ObjectStore(backend, compare)
    async with trouble(link, "is given other bytes"):
        assert (await sent(client, who, data, secrets.token_hex(8))).status_code == 503

"""How fast each operation is over little data, writing ones included."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.bench import load, operations
from app.bench.growth import Effort
from app.bench.load import Load, Request
from app.bench.operations import API, Callers
from app.bench.sites import Site
from app.demo import photos, plan
from app.demo.generating import members

BOUNDARY = "bench-photo"


@dataclass(frozen=True, slots=True)
class Speed:
    operation: str
    rate: float
    p50_ms: float
    p99_ms: float

    @property
    def line(self) -> str:
        return f"{self.operation:30} {self.rate:9.1f} {self.p50_ms:8.1f} {self.p99_ms:8.1f}"

    @property
    def figures(self) -> dict[str, Any]:
        return asdict(self)


HEAD = f"{'operation':30} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8}"


async def measure(site: Site, effort: Effort, tell: Callable[[str], None]) -> list[Speed]:
    found = []
    for one in (one for one in await operations.reading(site) if effort.only in one.name):
        callers = await operations.sign_in(site, [one.who])
        await load.answers(site.url, callers.requests(one)[:4])
        found.append(_speed(one.name, await _drive(site, callers.cycle(one), effort)))
    tell("reading is done")
    return found if effort.only else [*found, *await _writing(site, effort)]


async def _writing(site: Site, effort: Effort) -> list[Speed]:
    """One report of each member, whose photo was uploaded before; then their acceptance by the reviewer."""
    names = [members.person(number) for number in range(site.members)]
    callers = await operations.sign_in(site, [*names, operations.REVIEWER])
    uploads = await load.answers(site.url, [_photo(callers, name) for name in names])
    filings = [_filing(callers, name, json.loads(body)["id"]) for name, body in zip(names, uploads, strict=True)]
    filed = await _drive(site, iter(filings), effort)
    inbox = load.request(site.url, "GET", f"{API}/reports/inbox?status=submitted&limit=100", token=callers.tokens[operations.REVIEWER])
    waiting = json.loads((await load.answers(site.url, [inbox]))[0])["items"]
    accepted = await _drive(site, iter([_acceptance(callers, one["id"]) for one in waiting]), effort)
    return [_speed("POST /reports", filed), _speed("accept", accepted)]


def _photo(callers: Callers, name: str) -> Request:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head.encode() + photos.drawn("road_hole") + f"\r\n--{BOUNDARY}--\r\n".encode()
    content = (f"multipart/form-data; boundary={BOUNDARY}", body)
    return load.request(
        callers.url, "POST", f"{API}/uploads", token=callers.tokens[name], content=content, key=uuid.uuid4().hex, status=201
    )


def _filing(callers: Callers, name: str, photo: str) -> Request:
    lng, lat = operations.COMMUNITY.middle
    body = {
        "category_code": "road_hole", "description": "路面有坑，骑车经过很危险", "upload_ids": [photo],
        "location": {"lng": lng, "lat": lat, "crs": "gcj02"}, "address": plan.COUNTY_NAME,
    }
    return load.request(
        callers.url, "POST", f"{API}/reports", token=callers.tokens[name], body=body, key=uuid.uuid4().hex, status=201
    )


def _acceptance(callers: Callers, report_id: str) -> Request:
    return load.request(
        callers.url, "POST", f"{API}/reports/{report_id}/accept", token=callers.tokens[operations.REVIEWER], body={}, key=uuid.uuid4().hex
    )


async def _drive(site: Site, requests: Iterator[Request], effort: Effort) -> Load:
    return await load.drive(site.url, requests, connections=effort.connections, seconds=effort.seconds)


def _speed(name: str, found: Load) -> Speed:
    return Speed(name, round(found.rate, 1), round(found.at(0.5), 2), round(found.at(0.99), 2))


def told(found: Sequence[Speed]) -> Iterator[str]:
    yield HEAD
    yield from (one.line for one in found)

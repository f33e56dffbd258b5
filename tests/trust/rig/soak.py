"""Many minutes of ordinary traffic, and what the processes come to by it: memory, descriptors, connections, and how long people wait."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from app import handlers  # noqa: F401 - registers every job
from app.db import session as db_session
from app.jobs import service as jobs_service
from app.jobs.registry import PERIODIC
from tests.faults.queue_rig import Queue, until
from tests.support.newcomer import Caller, World
from tests.support.service import Service, links

PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY_SECONDS = 5.0
DUTIES_SECONDS = 120.0
CROWD = 64  # at once: more than the pools of both processes hold
WAVES = 16  # until each connection has had each statement: the driver keeps them
READ = ("/points/me", "/members/me", "/reports/mine", "/messages", "/points/me/entries", "/redemptions", "/members/me/consents")
WARM = 0.25  # of the time passes before a slope is drawn: pools fill, modules load
UNSEALED = "select coalesce(extract(epoch from clock_timestamp() - min(noted_at)), 0)::float from seal_pending"
WAITING = "select count(*) from jobs.pgqueuer where status in ('queued', 'picked') and execute_after <= now()"
CONNECTIONS = "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'xinxin%'"


@dataclass
class Soak:
    """`samples` are (second, resident bytes, descriptors, connections); `waited` are (second, milliseconds) of each answer."""

    samples: list[tuple[float, int, int, int]] = field(default_factory=list)
    waited: list[tuple[float, float]] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    unsealed: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def later(self) -> list[tuple[float, int, int, int]]:
        return [sample for sample in self.samples if sample[0] >= WARM * self.seconds]

    def slope(self) -> float:
        """Megabytes an hour, by the least squares of the resident memory of all processes of the service."""
        points = [(at / 3600, size / 1e6) for at, size, _, _ in self.later()]
        middle = [sum(values) / len(points) for values in zip(*points, strict=True)]
        above = sum((at - middle[0]) * (size - middle[1]) for at, size in points)
        return above / sum((at - middle[0]) ** 2 for at, _ in points)

    def grown(self, column: int) -> int:
        """The median of the last quarter less that of the first of what came after warming up."""
        values = [sample[column] for sample in self.later()]
        part = max(1, len(values) // 4)
        return _median(values[-part:]) - _median(values[:part])

    def p99(self, first: float, last: float) -> float:
        """Milliseconds, of the answers between two shares of the time."""
        some = sorted(took for at, took in self.waited if first * self.seconds <= at < last * self.seconds)
        return some[int(0.99 * (len(some) - 1))]


def _median(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]


class Traffic:
    """What riders and officials ask for in turn: mostly readings, every tenth a change."""

    def __init__(self, world: World, riders: Sequence[Caller], reward_id: str) -> None:
        self.world, self.riders, self.reward_id = world, riders, reward_id

    async def one(self, number: int) -> int:
        rider = self.riders[number % len(self.riders)]
        if number % 10 == 3:
            answer = await rider.post("/complaints", {"kind": "suggestion", "text": f"希望增加充电柜 {number}"})
            return answer.status_code if answer.status_code != 429 else 200
        if number % 10 == 7:
            return await self._order(rider)
        if number % 10 == 9:
            return (await self.world.admin.send("GET", "/reports/inbox?limit=20")).status_code
        return (await rider.send("GET", READ[number % len(READ)])).status_code

    async def _order(self, rider: Caller) -> int:
        made = await rider.post("/redemptions", {"reward_id": self.reward_id})
        if made.status_code != 201:
            return made.status_code
        return (await rider.post(f"/redemptions/{made.json()['id']}/cancel", {})).status_code


async def soaked(service: Service, ask: Callable[[int], Any], *, rate: float, seconds: float) -> Soak:
    """So many requests a second, each at its time whether the ones before are answered or not. Before them a crowd fills the pools and
    their connections' statements."""
    await _duties_done(service)
    for wave in range(WAVES):
        await asyncio.gather(*(ask(wave * CROWD + number) for number in range(CROWD)))
    soak, started, tasks = Soak(seconds=seconds), time.monotonic(), set[asyncio.Task[None]]()

    async def one(number: int) -> None:
        began = time.monotonic()
        try:
            status = await ask(number)
        except Exception as error:
            soak.broken.append(type(error).__name__)
            return
        soak.waited.append((began - started, 1_000 * (time.monotonic() - began)))
        soak.statuses[status] = soak.statuses.get(status, 0) + 1

    watching = asyncio.create_task(_watched(service, soak, started))
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
        task = asyncio.create_task(one(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    watching.cancel()
    return soak


async def _duties_done(service: Service) -> None:
    """All that the worker does by the clock, once: what each loads as it first runs, some every hour and some every night, is no leak."""
    database = db_session.connect(service.database_url, info={}, name="soak", pool_size=1)
    queue = Queue(database)

    async def rests() -> bool:
        return not await queue.number(WAITING)

    try:
        async with database.transaction() as session:
            await jobs_service.enqueue_all(session, [(name, {}) for name in PERIODIC])
        await until(rests, "every duty is done", DUTIES_SECONDS)
    finally:
        await database.close()


async def _watched(service: Service, soak: Soak, started: float) -> None:
    connection = await asyncpg.connect(service.database_url)
    try:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            ours = [pid for pid in service.processes() if _is_ours(pid)]
            connections = int(await connection.fetchval(CONNECTIONS))
            soak.samples.append((time.monotonic() - started, sum(map(_resident, ours)), sum(len(links(pid)) for pid in ours), connections))
            soak.unsealed.append(float(await connection.fetchval(UNSEALED)))
    finally:
        await connection.close()


def _is_ours(pid: int) -> bool:
    """Python's: the database's own processes share what they hold, and come and go."""
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name.startswith("python")
    except OSError:
        return False


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def stray(log: Path) -> list[str]:
    """Lines that are no JSON object where our processes write nothing else, and any line with a control character in it."""
    wrong = []
    for line in log.read_text(errors="replace").split("\n"):
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in line):
            wrong.append(repr(line[:120]))
        elif line.startswith("{"):
            json.loads(line)
    return wrong

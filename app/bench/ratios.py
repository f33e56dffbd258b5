"""One run on one machine: the service as users run it, a bare handler with its statements, and pgbench with them; in turns.

Each has a copy of the same database on the same server, so that what one writes is not in the way of another, and all find the same
things prepared. The peers take turns: what else the machine does hits all alike.
"""

import asyncio
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import asyncpg
import uvloop

from app.bench import beside, driver, measured, pgbench, processes
from app.bench.bare import Book, Part
from app.bench.load import Load, Request
from app.bench.measured import OPERATIONS, Measured
from app.bench.pgbench import Impossible, Written
from app.bench.script import Script
from app.bench.sites import Ground, rolled_up, served
from app.bench.stock import Item, World
from app.bench.totals import OURS, PEERS, Result, Totals
from app.demo import own_server
from app.jobs.tables import QUEUE

Tell = Callable[[str], None]
# Before the first measurement as long as a process that has served for a while has had: the server plans a statement anew five times on
# each connection before it keeps a plan, which costs more than the statement.
WARM_SECONDS, FIRST_SECONDS, FIRST_ITEMS = 0.4, 2.0, 128
LINKS = 8  # of each chain by pgbench, at least
SETTLE_SECONDS, LOOK_SECONDS = 120.0, 0.05
WORKERS = 2
RUNNING = "select count(*) from pg_stat_activity where application_name = 'xinxin-worker' and state <> 'idle'"
WAITING = f"select count(*) from {QUEUE} where status in ('queued', 'picked') and execute_after <= now()"
BARE, WORKER = "app.bench.bare", "app.worker"
MODULES = {OURS: "app.serving", "bare": BARE}


@dataclass(frozen=True, slots=True)
class Plan:
    """`items`: so many requests of what writes in each measurement, each used once; `few` of what takes long."""

    connections: Sequence[int] = (8, 32)
    seconds: float = 3.0
    repetitions: int = 3
    items: int = 400
    few: int = 48
    only: str = ""

    @property
    def operations(self) -> list[Measured]:
        return [one for one in OPERATIONS if self.only in one.name]

    def warming(self, chosen: Measured, connections: int, turn: int) -> int:
        """How many of the items of a measurement that writes warm it up."""
        return connections if turn or chosen.few else max(connections, FIRST_ITEMS)

    def share(self, chosen: Measured, connections: int, turn: int) -> int:
        """Items of one measurement, those that warm it up included."""
        if chosen.kind != "write":
            return connections
        each = max(1, (self.few if chosen.few else self.items) // connections)
        return self.warming(chosen, connections, turn) + connections * each

    def needed(self, chosen: Measured) -> int:
        if chosen.kind == "read":
            return measured.VARIANTS
        return sum(self.share(chosen, connections, turn) for turn in range(self.repetitions) for connections in self.connections)


@dataclass
class Prepared:
    """What is there for one operation before the clock starts. `impossible`: why pgbench cannot do it."""

    chosen: Measured
    scripts: list[Script]
    items: list[Item]
    part: Part
    written: list[str] = field(default_factory=list)
    impossible: str | None = None


def measure(ground: Ground, plan: Plan, tell: Tell) -> Totals:
    """Raises Refused for a wrong answer, Unlike for statements that were not understood."""
    with served(ground) as site:
        world = World(site)
        with beside.recording(site) as recorder:
            prepared = uvloop.run(_prepare(world, recorder, plan, tell))
        asyncio.run(_settled(site.database))
    databases = {peer: ground.copy(f"bench_{peer}") for peer in PEERS if peer != OURS}
    uvloop.run(_write_scripts(databases["pgbench"], prepared, tell))
    with served(ground) as world.site, _bare(ground.folder, databases["bare"], prepared) as bare_url:
        run = _Run(world, plan, bare_url, databases, tell)
        for part, chosen in (("reading", _reads(prepared)), ("writing", [one for one in prepared if one.chosen.kind != "read"])):
            for turn in range(plan.repetitions if chosen else 0):
                for one in chosen:
                    run.repetition(one, turn)
                tell(f"{part}: repetition {turn + 1} of {plan.repetitions} done")
        return run.totals(prepared)


def _reads(prepared: Sequence[Prepared]) -> list[Prepared]:
    """Measured before anything is written: the job worker goes on with what the service writes, and not with what the copies are given."""
    return [one for one in prepared if one.chosen.kind == "read"]


async def _prepare(world: World, recorder: str, plan: Plan, tell: Tell) -> list[Prepared]:
    made = []
    for chosen in plan.operations:
        tell(f"preparing {chosen.name} …")
        tried = await chosen.items(world, measured.VARIANTS if chosen.kind == "read" else measured.TRIES)
        scripts = await measured.scripts(world, recorder, chosen, tried)
        items = tried if chosen.kind == "read" else await chosen.items(world, plan.needed(chosen))
        await world.sign_in([one.who for one in items] if chosen.kind == "write" else [])
        given = [] if chosen.kind == "read" else [measured.given(world, one, chosen) for one in items]
        made.append(Prepared(chosen, scripts, items, Part(scripts, given)))
    return made


async def _write_scripts(database: str, prepared: Sequence[Prepared], tell: Tell) -> None:
    for one in prepared:
        try:
            table = await pgbench.lay_out(database, one.chosen.slug, one.part.items) if one.part.items else None
            one.written = [Written(script, table, one.chosen.kind == "chain").text for script in one.scripts]
        except Impossible as reason:
            one.impossible = str(reason)
            tell(f"pgbench cannot do {one.chosen.name}: {reason}")


def _bare(folder: Path, database: str, prepared: Sequence[Prepared]) -> AbstractContextManager[str]:
    book = folder / "bench.book"
    book.write_bytes(pickle.dumps(Book(database, {one.chosen.slug: one.part for one in prepared})))
    port = own_server.free_port()
    options = ("--workers", str(WORKERS), "--book", str(book))
    return beside.process(BARE, port, own_server.environment(folder, port), folder / "bare.log", *options)


class _Run:
    def __init__(self, world: World, plan: Plan, bare_url: str, databases: dict[str, str], tell: Tell) -> None:
        self.world, self.plan, self.bare_url, self.databases, self.tell = world, plan, bare_url, databases, tell
        self.server = processes.database(world.site.folder)[0]
        [self.worker] = processes.running(WORKER)
        self.results: list[Result] = []
        self._used: dict[str, int] = {}

    def repetition(self, prepared: Prepared, turn: int) -> None:
        chosen = prepared.chosen
        for address in (self.world.site.database, *self.databases.values()):  # the copies have no worker that would do it
            asyncio.run(rolled_up(address))
        for connections in self.plan.connections:
            share = self.plan.share(chosen, connections, turn)
            start = self._used.get(chosen.slug, 0)
            self._used[chosen.slug] = start + (0 if chosen.kind == "read" else share)
            for peer in PEERS[turn % len(PEERS) :] + PEERS[: turn % len(PEERS)]:
                if peer == "pgbench" and prepared.impossible:
                    continue
                asyncio.run(_settled(self.world.site.database))
                items = range(start, start + share)
                if peer == "pgbench":
                    self._measure(prepared, peer, connections, self._by_pgbench(prepared, connections, items))
                elif peer == OURS and chosen.kind == "write":
                    with self._jobs_apart(share):
                        self._measure(prepared, peer, connections, self._by_http(prepared, peer, connections, turn, items))
                else:
                    self._measure(prepared, peer, connections, self._by_http(prepared, peer, connections, turn, items))

    @contextmanager
    def _jobs_apart(self, requests: int) -> Iterator[None]:
        """The job worker rests while requests that leave work to it are measured, since the peers leave none; then it does that work, and
        what it costs is told beside theirs."""
        asyncio.run(_put_to_rest(self.world.site.database, self.worker))
        try:
            yield
        finally:
            os.kill(self.worker, signal.SIGCONT)
        before = processes.seconds([self.worker]) + self._server_seconds()
        asyncio.run(_settled(self.world.site.database))
        spent = processes.seconds([self.worker]) + self._server_seconds() - before
        self.results[-1] = replace(self.results[-1], jobs_ms=spent * 1_000 / requests)

    def _measure(self, prepared: Prepared, peer: str, connections: int, drive: Callable[[], Load]) -> None:
        workers = processes.workers(MODULES[peer]) if peer in MODULES else []
        before, server_before = processes.seconds(workers), self._server_seconds()
        try:
            found = drive()
        except Impossible as reason:
            prepared.impossible = str(reason)
            self.tell(f"pgbench cannot do {prepared.chosen.name}: {reason}")
            return
        spent, server_spent = processes.seconds(workers) - before, self._server_seconds() - server_before
        self.results.append(Result.of(prepared.chosen.name, peer, connections, found, spent, server_spent))

    def _by_http(self, prepared: Prepared, peer: str, connections: int, turn: int, items: range) -> Callable[[], Load]:
        """What is to be measured, warmed up with requests of the same kind."""
        plan, kind, url = self.plan, prepared.chosen.kind, self.world.site.url if peer == OURS else self.bare_url
        asked = self._requests(prepared, peer, items)
        task = driver.Task(url, asked, connections, plan.seconds, again=kind == "read", chained=kind == "chain")
        if kind == "read":
            driver.drive(replace(task, seconds=WARM_SECONDS if turn else FIRST_SECONDS))
        if kind == "write":
            warming = plan.warming(prepared.chosen, connections, turn)
            driver.drive(replace(task, requests=asked[:warming]))
            task = replace(task, requests=asked[warming:])
        return partial(driver.drive, task)

    def _by_pgbench(self, prepared: Prepared, connections: int, items: range) -> Callable[[], Load]:
        plan, kind = self.plan, prepared.chosen.kind
        task = pgbench.Task(self.databases["pgbench"], prepared.written, connections, plan.seconds)
        if kind != "read":
            count = len(items) if kind == "write" else max(plan.items, LINKS * connections)
            task = replace(task, first=items.start, count=count)
        return partial(pgbench.run, task)

    def _requests(self, prepared: Prepared, peer: str, items: range) -> list[Request]:
        chosen, world = prepared.chosen, self.world
        numbers = range(len(prepared.items)) if chosen.kind == "read" else items
        mine = [prepared.items[number] for number in numbers]
        if peer == OURS:
            uvloop.run(world.sign_in([] if chosen.kind == "chain" else [one.who for one in mine]))
            return measured.requests(world, world.site.url, mine, chosen)
        return [one.request(self.bare_url, "-", f"/{chosen.slug}/{number}") for number, one in zip(numbers, mine, strict=True)]

    def _server_seconds(self) -> float:
        return processes.seconds([self.server, *processes.offspring(self.server)])

    def totals(self, prepared: Sequence[Prepared]) -> Totals:
        memory = {peer: [processes.memory(pid) for pid in processes.workers(module)] for peer, module in MODULES.items()}
        reasons = {one.chosen.name: one.impossible for one in prepared if one.impossible}
        return Totals([one.chosen for one in prepared], self.results, memory, reasons)


async def _put_to_rest(database: str, worker: int) -> None:
    """Stops the process between two jobs: it must not keep a lock for as long as it rests."""
    while True:
        await _settled(database)
        os.kill(worker, signal.SIGSTOP)
        connection = await asyncpg.connect(database)
        try:
            if not await connection.fetchval(RUNNING):
                return
        finally:
            await connection.close()
        os.kill(worker, signal.SIGCONT)
        await asyncio.sleep(LOOK_SECONDS)


async def _settled(database: str) -> None:
    """What a measurement has left to the job worker is done before the next begins; not all of it, if it takes too long."""
    connection = await asyncpg.connect(database)
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            while True:
                if not await connection.fetchval(WAITING):
                    return
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        return
    finally:
        await connection.close()

"""S18: what this release migrates, step by step and at one go, while the release before serves fifty requests a second on a million rows;
then both releases side by side, a downgrade of a filled database and the way up again, and a schema that is newer than the program.
"""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from alembic.script import ScriptDirectory

from app.db import migrate
from app.db.embedded import binaries
from app.db.embedded.account import choose
from tests.journeys import test_main_loop as loop
from tests.support.newcomer import API, Caller, World, county_of
from tests.support.service import PASSWORD, ROOT, Service
from tests.trust.plugin import Measure
from tests.trust.rig.releases import PREVIOUS, PREVIOUS_SCHEMA, Migrator, Release, migrator, tree_of
from tests.trust.rig.standby import Server

ENTRIES, REPORTS, ROWS = 500_000, 2_000, 1_000_000
RATE, BASE_SECONDS, AROUND = 50, 20.0, 1.5
RIDERS = 10
MOST_BLOCKED, MOST_SLOWER = 1.0, 2.0
# A million of the rows that the release's steps meet: inboxes of everybody, as long as they become in years.
FILL = """
insert into message (id, member_id, category, title, body, read_at)
select gen_random_uuid(), m.id, 'system', '通知', '满一百万行', clock_timestamp()
  from (select id, row_number() over () as n, count(*) over () as of from account where kind = 'wechat') m
 cross join lateral generate_series(1, ({rows} / m.of + 1)::int)"""
ALL_ROWS = "select sum(n_live_tup)::bigint from pg_stat_user_tables"


@dataclass
class Site:
    """A database server of our own, a data folder with keys, the files of the release before."""

    folder: Path
    server: Server
    previous: Path
    database: str = "xinxin"

    @property
    def url(self) -> str:
        return self.server.url(self.database)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def manage(self, *arguments: str, seconds: float = 600) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("XINXIN_")}
        own = {"XINXIN_DATABASE_URL": self.url, "XINXIN_DATA_DIR": str(self.data), "XINXIN_DEMO": "0", "XINXIN_ADMIN_PASSWORD": PASSWORD}
        told = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments], cwd=ROOT, env=kept | own, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=seconds, check=False,
        )
        assert told.returncode == 0, told.stdout[-2000:] + told.stderr[-2000:]
        return told.stdout

    @contextmanager
    def serving(self, root: Path) -> Iterator[Release]:
        replica = Release(root, self.data, self.url)
        try:
            replica.start()
            yield replica
        finally:
            replica.remove()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """On the disk, and with fsync."""
    folder = Path(tempfile.mkdtemp(prefix="xinxin-migrations-"))
    folder.chmod(0o711)
    account = choose(folder / "nothing")
    server = Server(folder / "server", account, binaries.usable(binaries.find(), account, folder / "binaries"))
    try:
        previous = tree_of(PREVIOUS, folder)
        server.make()
        server.start(shared_buffers="512MB", max_wal_size="4GB")
        server.asked("create database xinxin")
        (folder / "data").mkdir()
        yield Site(folder, server, previous)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Beats:
    """Requests at a steady rate, each at its time whether the ones before are answered or not; what became of them, and when."""

    riders: Sequence[Caller]
    reward: str
    consent: str
    done: list[tuple[float, float, bool, str]] = field(default_factory=list)  # begun, seconds, wrote, status
    spans: list[tuple[float, float]] = field(default_factory=list)

    async def ask(self, http: httpx.AsyncClient, number: int) -> None:
        rider, way = self.riders[number // 10 % len(self.riders)], number * 7 % 10  # writes and reads take turns
        headers, began = rider.headers | {"Idempotency-Key": uuid4().hex}, time.monotonic()
        calls = (
            ("PATCH", "/members/me", {"occupation": ("courier", "streamer")[number // 10 % 2]}),
            ("POST", "/redemptions", {"reward_id": self.reward}),
            ("PUT", "/members/me/consents/location", {"version": self.consent, "granted": True}), ("POST", "/messages/read-all", None),
            ("GET", "/messages", None), ("GET", "/points/me", None), ("GET", "/members/me", None), ("GET", "/redemptions", None),
            ("GET", "/messages/unread-count", None), ("GET", "/rewards", None),
        )
        method, path, body = calls[way]
        try:
            status = str((await http.request(method, API + path, json=body, headers=headers)).status_code)
        except httpx.HTTPError as error:
            status = type(error).__name__
        self.done.append((began, time.monotonic() - began, method != "GET", status))

    @asynccontextmanager
    async def going(self, url: str) -> AsyncIterator[None]:
        over, tasks = asyncio.Event(), set[asyncio.Task[None]]()
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=60)

        async def go() -> None:
            started, number = time.monotonic(), 0
            while not over.is_set():
                await asyncio.sleep(max(0.0, started + number / RATE - time.monotonic()))
                tasks.add(asyncio.create_task(self.ask(http, number)))
                number += 1

        async with httpx.AsyncClient(base_url=url, timeout=20, limits=limits) as http:
            sender = asyncio.create_task(go())
            try:
                yield
            finally:
                over.set()
                await sender
                await asyncio.gather(*tasks)

    async def around(self, step: str, migrating: Migrator) -> float:
        """Does a step in the middle of a few seconds whose requests are remembered; the seconds that it took."""
        began = time.monotonic()
        await asyncio.sleep(AROUND)
        took = await asyncio.to_thread(migrating.up, step)
        await asyncio.sleep(AROUND)
        self.spans.append((began, time.monotonic()))
        return took

    def within(self, spans: Sequence[tuple[float, float]]) -> list[tuple[float, float, bool, str]]:
        return [one for one in self.done if any(begins <= one[0] < ends for begins, ends in spans)]


@dataclass(frozen=True)
class Seen:
    blocked: float
    p99: float
    statuses: dict[str, int]


def seen(done: Sequence[tuple[float, float, bool, str]]) -> Seen:
    return Seen(
        max((seconds for _, seconds, wrote, _ in done if wrote), default=0.0),
        statistics.quantiles([seconds for _, seconds, *_ in done], n=100)[-1],
        dict(Counter(status for *_, status in done)),
    )


def judge(base: Seen, now: Seen) -> None:
    assert all(status.startswith("2") for status in now.statuses), now.statuses
    assert now.blocked <= MOST_BLOCKED, now
    assert now.p99 <= MOST_SLOWER * base.p99, (now, base)


def steps() -> list[str]:
    script = ScriptDirectory.from_config(migrate.configuration())
    return [revision.revision for revision in script.walk_revisions(PREVIOUS_SCHEMA, "head")][-2::-1]


async def readied(site: Site, migrating: Migrator, measured: Measure) -> None:
    """A million rows of this release, taken down to the schema before, up again, and down once more for the release before."""
    await asyncio.to_thread(site.manage, "migrate")
    members = str(ENTRIES // 100)
    filled = await asyncio.to_thread(
        site.manage, "generate", "--members", members, "--reports", str(REPORTS), "--entries", str(ENTRIES), "--seed", "1"
    )
    assert filled
    owner = await asyncpg.connect(site.url)
    await owner.execute(FILL.format(rows=ROWS), timeout=300)
    await owner.execute("vacuum analyze", timeout=300)
    await owner.close()
    measured("rows", site.server.asked(ALL_ROWS, database="xinxin"))
    measured("the filled copy down", round(await asyncio.to_thread(migrating.down, PREVIOUS_SCHEMA), 2), "s")
    measured("and up again", round(await asyncio.to_thread(migrating.up, "head"), 2), "s")
    await asyncio.to_thread(site.manage, "ledger-check")
    await asyncio.to_thread(migrating.down, PREVIOUS_SCHEMA)


async def registered(world: World) -> Caller:
    """A courier of the world's own community with points: there is another county in this database, and no member belongs to both."""
    rider, scene = await world.person(), await loop.scanned_code(world)
    body = {
        "scene": scene, "real_name": "王小明", "occupation": "courier", "work_area_id": world.areas["community"],
        "employers": [{"name": "兖州闪送站点"}], "political_status": "masses",
    }
    await rider.does("POST", "/registrations", body)
    await world.give(rider, 1000)
    return rider


async def beats_of(world: World) -> Beats:
    riders = [await registered(world) for _ in range(RIDERS)]
    return Beats(riders, (await world.reward(points=1))["id"], world.texts["location"])


async def migrated(old: Release, beats: Beats, migrating: Migrator, measured: Measure) -> None:
    """At one go, as a release does it; then each step alone. Answers are judged when all are in."""
    async with beats.going(old.url):
        await asyncio.sleep(3)
        begun = time.monotonic()
        await asyncio.sleep(BASE_SECONDS)
        calm = [(begun, time.monotonic())]
        whole = await beats.around("head", migrating)
    await asyncio.to_thread(migrating.down, PREVIOUS_SCHEMA)
    took = {}
    async with beats.going(old.url):
        await asyncio.sleep(2)
        for step in steps():
            took[step] = await beats.around(step, migrating)
    at_once, *alone = beats.spans
    for (step, seconds), span in zip(took.items(), alone, strict=True):
        measured(f"{step}: took, longest write", f"{seconds:.2f} s, {seen(beats.within([span])).blocked * 1000:.0f} ms")
    found = {"before": seen(beats.within(calm)), "at one go": seen(beats.within([at_once])), "step by step": seen(beats.within(alone))}
    for name, now in found.items():
        measured(f"{name}: longest write, p99", f"{now.blocked * 1000:.0f} ms, {now.p99 * 1000:.0f} ms")
        measured(f"{name}: statuses", now.statuses)
    measured("at one go: took", round(whole, 2), "s")
    for name in ("at one go", "step by step"):
        judge(found["before"], found[name])


class InTurns(httpx.AsyncBaseTransport):
    """Each request goes to the next of the replicas."""

    def __init__(self, *services: Service) -> None:
        self.ports, self.turn, self.inner = [service.port for service in services], 0, httpx.AsyncHTTPTransport()
        self.statuses: Counter[int] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/api/"):
            request.url = request.url.copy_with(port=self.ports[self.turn % len(self.ports)])
            self.turn += 1
        answer = await self.inner.handle_async_request(request)
        self.statuses[answer.status_code] += 1
        return answer

    async def aclose(self) -> None:
        await self.inner.aclose()


async def side_by_side(site: Site, old: Release, world: World, measured: Measure) -> None:
    """The main loop twice, each request at the other release than the one before it; the second time it begins with the other one."""
    with site.serving(ROOT) as new:
        for order in ((old, new), (new, old)):
            turns = InTurns(*order)
            async with httpx.AsyncClient(base_url=old.url, timeout=30, transport=turns) as http:
                everyone = [world.admin, world.second_admin, world.worker, *world.reviewers, *world.clerks]
                for caller in everyone:
                    caller.http = http
                world.http = http
                rider = await world.rider()
                await loop.reported(world, rider)
                await loop.verified(world, await loop.redeemed(world, rider, await world.reward(stock=5)))
            assert not any(status >= 500 for status in turns.statuses), turns.statuses
            measured("requests in turns", sum(turns.statuses.values()))
    site.manage("ledger-check")


@pytest.mark.check("S18", tier="N")
async def test_a_release_is_migrated_under_load(site: Site, measured: Measure) -> None:
    with migrator(site.url) as migrating:
        await readied(site, migrating, measured)
        with site.serving(site.previous) as old:
            async with county_of(old) as world:
                beats = await beats_of(world)
                await migrated(old, beats, migrating, measured)


@pytest.mark.check("S18", tier="N")
async def test_both_releases_walk_the_main_loop_in_turns(site: Site, measured: Measure) -> None:
    """In a database of their own: the generated county lies where this world's reports are."""
    site.server.asked("create database beside")
    own = replace(site, database="beside")
    with migrator(own.url) as migrating:
        await asyncio.to_thread(migrating.up, PREVIOUS_SCHEMA)
        with own.serving(own.previous) as old:
            async with county_of(old) as world:
                await asyncio.to_thread(migrating.up, "head")
                await side_by_side(own, old, world, measured)


@pytest.mark.variant("S18")
def test_the_judge_refuses_what_blocks_slows_and_fails() -> None:
    base = Seen(0.05, 0.04, {"200": 900})
    judge(base, Seen(0.9, 0.08, {"200": 200, "201": 10}))
    for bad in (Seen(1.1, 0.04, {"200": 10}), Seen(0.1, 0.09, {"200": 10}), Seen(0.1, 0.04, {"200": 10, "500": 1}),
                Seen(0.1, 0.04, {"200": 10, "ReadTimeout": 1})):
        with pytest.raises(AssertionError):
            judge(base, bad)


@pytest.mark.check("S18", tier="N")
def test_a_schema_that_is_newer_than_the_program_is_refused(site: Site) -> None:
    """By whoever migrates and by the service when it starts; both say so, and end."""
    site.server.asked("create database newer")
    url = site.server.url("newer")
    migrate.upgrade(url)
    site.server.asked("update alembic_version set version_num = '9999'", database="newer")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XINXIN_")}
    own = {"XINXIN_DATABASE_URL": url, "XINXIN_DATA_DIR": str(site.data), "XINXIN_DEMO": "0", "XINXIN_ADMIN_PASSWORD": PASSWORD}
    for module in (["app.cli", "migrate"], ["app.server", "--port", "0"]):
        told = subprocess.run(
            [sys.executable, "-m", *module], cwd=ROOT, env=kept | own, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False,
        )
        assert told.returncode == 1 and "9999" in told.stderr and "newer" in told.stderr, told.stderr[-2000:]
    assert site.server.asked("select version_num from alembic_version", database="newer") == "9999"

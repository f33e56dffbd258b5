"""The key changes under a really started service: its sealed rows are re-made by the operator's command while people sign in, read, write,
register and are looked up by their number. Nobody hears an error, no write is lost, and then the old key is gone.

8,000 rows here, 100,000 at night (tests/trust/nightly/test_s43_rotation.py).
"""

import asyncio
import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.db.base import new_id
from app.db.session import AsyncSession
from app.security import keys, sealing
from app.security.keys import KeyRing, MasterKeys
from app.settings import Settings
from app.wechat.simulator.world import openid
from tests.support.newcomer import Caller, World, county_of, sign_in, visiting, wechat_code
from tests.support.service import ROOT, Service

PEOPLE, ANSWERS = 1_300, 4_100
DEEDS, BREATH_S = 4, 0.06  # so many at a time, each with a breath between two: two cores serve, re-make and ask
PATIENCE_S = 240
ACTIVE = 200  # of them, those who come while the key changes
TABLES = {
    "account": ("openid_sealed", "phone_sealed"), "member": ("real_name_sealed", "nickname_sealed"),
    "registration_declaration": ("sealed",), "access_grant": ("phone_sealed",), "idempotency_key": ("body",),
    "wechat_token": ("token_sealed",), "report": ("description_sealed",),
    "complaint": ("text_sealed",), "redemption": ("code_sealed",),
}


class Keyed(Service):
    """A service that is started with the rings that it is given."""

    def __init__(self) -> None:
        super().__init__(workers=1)
        self.secret = keys.fresh("s1")
        self.ring = ""

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"XINXIN_SECRET_KEYS": self.secret, "XINXIN_FIELD_KEYS": self.ring}

    def rotate(self) -> tuple[int, str]:
        """The operator's command: its exit code and what it said."""
        said = self.data / "rotation.log"
        with said.open("wb") as log:
            ended = subprocess.run(
                [sys.executable, "-m", "app.cli", "rotate-keys"], cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, timeout=PATIENCE_S, check=False,
            )
        return ended.returncode, said.read_text()


@pytest.fixture
def keyed() -> Iterator[Keyed]:
    service = Keyed()
    try:
        yield service
    finally:
        service.remove()


class Crowd:
    """People whose rows were sealed under the first key alone."""

    def __init__(self, masters: MasterKeys, people: int, answers: int) -> None:
        self.people, self.remembered = people, answers
        self.rows = 3 * people + answers  # an account, a profile, a declaration of each, and answers remembered for a week
        self.session = cast(AsyncSession, SimpleNamespace(info={"keys": KeyRing(masters, masters)}))
        self.ids = [new_id() for _ in range(people)]
        self.registrations = [new_id() for _ in range(people)]
        self.area: tuple[UUID, str] = (new_id(), "")

    @staticmethod
    def called(number: int) -> str:
        return f"crowd-{number}"

    @staticmethod
    def phone(number: int) -> str:
        return f"136{number:08d}"

    @staticmethod
    def name(number: int) -> str:
        return f"王{number}"

    def accounts(self) -> Iterator[Sequence[Any]]:
        appid = Settings().wechat_appid
        for number, row in enumerate(self.ids):
            person = openid(appid, self.called(number)) if number < ACTIVE else f"o{number:027d}"
            yield (
                row, "wechat", "active", 1, self.index(person, "openid"), self.seal(person, "account", "openid", row),
                self.index(self.phone(number), "phone"), self.seal(self.phone(number), "account", "phone", row), ["location", "service"],
            )

    def members(self) -> Iterator[Sequence[Any]]:
        for number in range(self.people):
            yield self.ids[number], self.seal(self.name(number), "member", "real_name", self.ids[number]), "courier", *self.area, 1

    def registered(self) -> Iterator[Sequence[Any]]:
        for number, row in enumerate(self.registrations):
            yield row, f"X{number:08d}", self.ids[number], "member_seeks_org", "active", *self.area, 1

    def declarations(self) -> Iterator[Sequence[Any]]:
        for row in self.registrations:
            yield row, self.seal('{"political_status": "masses", "party": null}', "registration_declaration", "sealed", row)

    def answers(self) -> Iterator[Sequence[Any]]:
        for number in range(self.remembered):
            row = new_id()
            body = self.seal('{"id": "019ab2a0-0000-7000-8000-000000000301"}', "idempotency_key", "body", row)
            yield self.ids[number % self.people], f"key-{number}", row, b"fingerprint", 201, "application/json", body

    def seal(self, text: str, table: str, column: str, row: UUID) -> bytes:
        return sealing.seal(self.session, text, table=table, column=column, row=row)

    def index(self, text: str, purpose: str) -> bytes:
        return sealing.blind_index(self.session, text, purpose=purpose)

    async def arrive(self, address: str) -> None:
        connection = await asyncpg.connect(address)
        try:
            for table, columns, rows in (
                ("account", "id kind status version openid_index openid_sealed phone_index phone_sealed consented", self.accounts()),
                ("member", "id real_name_sealed occupation area_id area_path version", self.members()),
                ("registration", "id number member_id direction status area_id area_path version", self.registered()),
                ("registration_declaration", "registration_id sealed", self.declarations()),
                ("idempotency_key", "account_id key row_id fingerprint status media_type body", self.answers()),
            ):
                await connection.copy_records_to_table(table, records=rows, columns=columns.split())
            await connection.execute("analyze")
        finally:
            await connection.close()


class Traffic:
    """What people do all the time. Each deed is judged by its answer; an exception of any kind is an error."""

    def __init__(self, world: World, crowd: Crowd) -> None:
        self.world, self.crowd = world, crowd
        self.done: Counter[str] = Counter()
        self.errors: list[str] = []
        self.said: dict[int, str] = {}
        self.turns = itertools.count()
        self.busy, self.stopping = asyncio.Event(), asyncio.Event()

    async def comes(self, number: int) -> Caller:
        name = self.crowd.called(number)
        tokens = await sign_in(self.world.service, self.world.http, name)
        assert tokens["account"]["id"] == str(self.crowd.ids[number]), "a second account came into being"
        return Caller(self.world.http, name, id=tokens["account"]["id"], tokens=tokens)

    async def signs_in_and_reads(self) -> None:
        number = next(self.turns) % ACTIVE
        seen = await (await self.comes(number)).sees("/members/me")
        assert (seen["real_name"], seen["phone"]) == (self.crowd.name(number), f"136****{number:04d}"), seen
        assert seen["registration"]["status"] == "active", seen

    async def renames(self) -> None:
        number = next(self.turns) % ACTIVE
        caller, nickname = await self.comes(number), f"n{next(self.turns)}"
        before = self.said.get(number)
        seen = await caller.sees("/members/me")
        assert seen["nickname"] == before, f"a write was lost: {before} → {seen['nickname']}"
        changed = await caller.send("PATCH", "/members/me", {"nickname": nickname}, headers={"If-Match": f'"{seen["version"]}"'})
        assert changed.status_code == 200, changed.text
        self.said[number] = nickname

    async def registers(self) -> None:
        name, phone = f"fresh-{next(self.turns)}", f"133{next(self.turns):08d}"
        service, http = self.world.service, self.world.http
        tokens = await sign_in(service, http, name)
        body = {
            "phone_code": await wechat_code(service, http, name, phone), "real_name": "李新人", "occupation": "courier",
            "consents": [{"purpose": "service", "version": self.world.texts["service"]}], "work_area_id": self.world.areas["grid"],
            "political_status": "masses",
        }
        caller, key = Caller(http, name, id=tokens["account"]["id"], tokens=tokens), uuid4().hex
        made = await caller.post("/registrations", body, key=key)
        assert made.status_code == 201, made.text
        again = await caller.post("/registrations", body, key=key)
        assert again.content == made.content, "the remembered answer is another one"

    async def is_looked_up(self) -> None:
        number = ACTIVE + next(self.turns)
        wish = {"phone": self.crowd.phone(number), "role": "grid_worker", "scope_type": "area", "scope_id": self.world.areas["grid"]}
        given = await self.world.admin.does("POST", "/auth/grants", wish)
        assert given["account_id"] == str(self.crowd.ids[number]), given

    async def keeps(self, deed: Callable[[], Awaitable[None]]) -> None:
        while not self.stopping.is_set():
            try:
                await deed()
                self.done[deed.__name__] += 1
            except (AssertionError, httpx.HTTPError, KeyError, TypeError) as error:
                self.errors.append(f"{deed.__name__}: {error!r}")
            if self.errors or len(self.done) == DEEDS:
                self.busy.set()
            await asyncio.sleep(BREATH_S)

    async def while_(self, work: Callable[[], Any]) -> Any:
        """Everybody is busy before the work begins, and until it has ended."""
        deeds = [self.signs_in_and_reads, self.renames, self.registers, self.is_looked_up]
        tasks = [asyncio.create_task(self.keeps(deed)) for deed in deeds]
        await self.busy.wait()
        try:
            return await asyncio.to_thread(work)
        finally:
            self.stopping.set()
            await asyncio.gather(*tasks)


async def heads(address: str) -> Counter[str]:
    """`table key` → how many sealed values say that it made them. By SQL of its own."""
    connection, found = await asyncpg.connect(address), Counter[str]()
    try:
        for table, columns in TABLES.items():
            for column in columns:
                kid = f"convert_from(substring({column} from 4 for 2), 'utf8')"
                counted = await connection.fetch(f"select {kid}, count(*) from {table} where {column} is not null group by 1")
                for kid, count in counted:
                    found[f"{table} {kid}"] += count
    finally:
        await connection.close()
    return found


async def lives_a_little(world: World) -> None:
    """A row of other kinds: what the API writes is re-made too."""
    rider, reward = await world.rider(points=50), await world.reward()
    await rider.files()
    await rider.orders(reward["id"])
    await rider.does("POST", "/complaints", {"kind": "suggestion", "text": "希望驿站增加换电柜"})
    await world.admin.does(
        "POST", "/auth/grants", {"phone": "13100000001", "role": "reviewer", "scope_type": "area", "scope_id": world.areas["grid"]}
    )


async def test_the_key_changes_under_traffic(keyed: Keyed, capsys: pytest.CaptureFixture[str]) -> None:
    await changes_under_traffic(keyed, capsys, PEOPLE, ANSWERS)


async def changes_under_traffic(keyed: Keyed, capsys: pytest.CaptureFixture[str], people: int, answers: int) -> None:
    first, second = keys.fresh("k1"), keys.fresh("k2")
    crowd = Crowd(keys.parse(first), people, answers)
    keyed.ring = f"{second},{first}"
    phases = Phases()
    keyed.start()
    phases.end("start")
    async with county_of(keyed) as world:
        await lives_a_little(world)
        phases.end("county")
        crowd.area = (UUID(world.areas["grid"]), (await area_path(keyed, world.areas["grid"])))
        await crowd.arrive(keyed.database_url)
        before = await heads(keyed.database_url)
        assert sum(count for name, count in before.items() if name.endswith("k1")) == crowd.rows + people
        phases.end("crowd")
        traffic = Traffic(world, crowd)
        code, said = await traffic.while_(keyed.rotate)
        phases.end("change")
    assert not traffic.errors, traffic.errors[:5]
    assert code == 0 and "k1: 0 left: may be removed" in said, said
    after = await heads(keyed.database_url)
    assert {name.split()[1] for name in after} == {"k2"} and after["registration_declaration k2"] >= people
    assert {name.split()[0] for name in after} == set(TABLES), "every kind had a row"
    assert all(traffic.done[deed] >= 10 for deed in ("signs_in_and_reads", "renames", "registers", "is_looked_up")), traffic.done
    phases.end("judge")
    assert keyed.stop() == 0
    phases.end("stop")
    keyed.ring = second
    keyed.start()
    phases.end("second start")
    async with visiting(keyed) as world:
        later = Traffic(world, crowd)
        later.said = traffic.said
        for number in (0, 1, *list(traffic.said)[:5]):
            seen = await (await later.comes(number)).sees("/members/me")
            assert (seen["real_name"], seen["nickname"]) == (crowd.name(number), traffic.said.get(number))
    phases.end("reads")
    with capsys.disabled():
        sys.stdout.write(f"\n{crowd.rows} rows, {crowd.rows / phases.took['change']:.0f} a second; {dict(traffic.done)}; {phases.took}\n")


class Phases:
    """How long each part took, for whoever reads the output."""

    def __init__(self) -> None:
        self.took: dict[str, float] = {}
        self.since = time.monotonic()

    def end(self, name: str) -> None:
        self.took[name], self.since = round(time.monotonic() - self.since, 1), time.monotonic()


async def area_path(service: Service, area_id: str) -> str:
    connection = await asyncpg.connect(service.database_url)
    try:
        return str(await connection.fetchval("select path from area where id = $1", UUID(area_id)))
    finally:
        await connection.close()

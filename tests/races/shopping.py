"""Riders with points, orders and clerks for the races of redemption, made quickly: what is not raced is done many at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa

from app import clock
from app.db import session as db_session
from app.db.base import new_id
from app.db.session import Database
from app.parts import session_info
from app.points import service as points_service
from app.redemptions import service as redemptions_service
from app.settings import Settings
from tests.support.bank import insisting
from tests.support.newcomer import PHONES, SPOT, Caller, World
from tests.support.volley import Answer, Shot, shot, volley

Result = TypeVar("Result")
AT_A_TIME = 8
LEAD = 100  # what a MAJOR_LEAD pays
AREA = "370899/370899001/370899001001/"


@dataclass(frozen=True)
class Counter:
    """A county's shops, and the services beside the API: `database` is the service's own."""

    world: World
    database: Database

    async def riders(self, count: int, *, points: int = LEAD) -> list[Caller]:
        """Members with so many points (hundreds)."""
        return await some_at_a_time([lambda: self._rider(points)] * count)

    async def rider(self, *, points: int = LEAD) -> Caller:
        return (await self.riders(1, points=points))[0]

    async def _rider(self, points: int) -> Caller:
        rider = await self.world.person(consents=("service",))
        for ago in range(points // LEAD):
            await insisting(lambda ago=ago: self._lead(rider, ago))  # type: ignore[misc]
        return rider

    async def _lead(self, rider: Caller, ago: int) -> None:
        async with self.database.transaction() as session:
            given = await points_service.award(
                session, member_id=UUID(rider.id), rule="MAJOR_LEAD", source_type="report", source_id=new_id(), source_number=None,
                filed_at=clock.now() - timedelta(days=45 + ago), area_path=AREA,
            )
        assert given.credited == LEAD

    async def clerks(self, count: int, store_id: str | None = None) -> list[Caller]:
        return await some_at_a_time([lambda: self._clerk(store_id or self.world.store_id)] * count)

    async def _clerk(self, store_id: str) -> Caller:
        phone = next(PHONES)
        await self.world.admin.does("POST", f"/stores/{store_id}/staff", {"phone": phone, "role": "store_clerk"})
        return await self.world.person(phone=phone, consents=("service",))

    async def store(self) -> str:
        """One more store, whose staff nobody else is."""
        body = {
            "name": "建设路修车行", "area_id": self.world.areas["community"], "location": SPOT, "address": "建设路 2 号",
            "phone": "0537-3412346", "hours": "08:00-22:00",
        }
        return str((await self.world.admin.does("POST", "/stores", body))["id"])

    async def orders(self, rider: Caller, count: int, **reward: Any) -> list[dict[str, Any]]:
        """So many orders of one reward."""
        made = await self.world.reward(**reward)
        return await some_at_a_time([lambda: rider.orders(made["id"])] * count)

    def verify(self, clerk: Caller, code: str, *, key: str | None = None, store_id: str | None = None) -> Shot:
        till = {"store_id": store_id or self.world.store_id, "code": code}
        return shot(clerk, "/redemptions/verify", till, key=key or uuid4().hex)

    async def at_once(self, shots: Sequence[Shot], *, begun: asyncio.Event | None = None) -> list[Answer]:
        return await volley(self.world.service, list(shots), begun=begun)

    async def ends_now(self, order_ids: Sequence[str]) -> None:
        """Lets the time of these orders pass, as far as they are live."""
        passed = sa.text("update redemption set expires_at = clock_timestamp() where id = any(:ids) and status = 'issued'")
        async with self.database.transaction() as session:
            await session.exec(passed, params={"ids": [UUID(one) for one in order_ids]})

    async def expires(self, order_id: str) -> str:
        """What the job does to an order, again and again until it has ended it or somebody else has."""
        async def once() -> bool:
            async with self.database.transaction() as session:
                return await redemptions_service.expire(session, redemption_id=UUID(order_id))

        while (await self.value("select status from redemption where id = :id", id=UUID(order_id))) == "issued":
            if await insisting(once):
                return "ok"
        return "nothing"

    async def value(self, statement: str, **values: Any) -> Any:
        async with self.database.session() as session:
            return (await session.exec(sa.text(statement), params=values)).scalar_one()


@asynccontextmanager
async def opened(world: World) -> AsyncIterator[Counter]:
    info = session_info(Settings(data_dir=world.service.data)) | {"actor": {"kind": "job"}}
    database = db_session.connect(world.service.database_url, info=info, pool_size=AT_A_TIME)
    try:
        yield Counter(world, database)
    finally:
        await database.close()


async def some_at_a_time(works: Sequence[Callable[[], Awaitable[Result]]]) -> list[Result]:
    """Their results, in order: more at a time would wait for connections that others use."""
    gate = asyncio.Semaphore(AT_A_TIME)

    async def one(work: Callable[[], Awaitable[Result]]) -> Result:
        async with gate:
            return await work()

    return list(await asyncio.gather(*(one(work) for work in works)))

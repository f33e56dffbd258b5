"""A small county in which everything has happened once that leaves something in the books."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.lines import listening
from app.db.session import AsyncSession, Database
from app.jobs.registry import PERIODIC, Context
from app.members import service as members_service
from app.parts import session_info
from app.points import service as points_service
from app.settings import Settings
from app.storage.store import ObjectStore
from app.wechat.client import WeChatClient
from tests.redemptions.conftest import Shop
from tests.reports.scene import Scene, on
from tests.support.county import County, make_county
from tests.support.owner import as_owner
from tests.support.people import People, Person
from tests.support.savepoints import OneConnection, served_over


@dataclass
class Books:
    """`rider` works in one community, where the shop is; `neighbour` in the other, where the other shop is."""

    connection: AsyncConnection
    context: Context
    county: County
    scene: Scene
    shop: Shop
    rider: Person
    neighbour: Person
    admin: Person
    second: Person
    orders: dict[str, UUID]

    @property
    def database(self) -> Database:
        return self.context.database

    async def run(self, job: str) -> None:
        """A periodic job, now."""
        await PERIODIC[job][1](self.context)

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        done = await self.connection.execute(sa.text(statement), values)
        return list(done.all()) if done.returns_rows else []

    async def as_owner(self, *statements: str) -> None:
        """With the triggers and the foreign keys off, as only the owner can turn them."""
        async with as_owner(self.connection):
            await self.sql("set local session_replication_role = replica")
            for statement in statements:
                await self.sql(statement)
            await self.sql("set local session_replication_role = origin")


async def adjust(books: Books, member: Person, amount: int) -> str:
    """A change by hand, by two persons; its id."""
    body = {"member_id": str(member.id), "amount": amount, "reason": "线下补记", "upload_id": await books.scene.photo(books.admin)}
    made = await books.shop.post(books.admin, "/points/adjustments", body)
    assert made.status_code == 201, made.text
    approved = await books.shop.post(books.second, f"/points/adjustments/{made.json()['id']}/approve")
    assert approved.status_code == 200, approved.text
    return str(made.json()["id"])


async def told(session: AsyncSession, client: httpx.AsyncClient, context: Context) -> Books:
    """The people, two shops, and points for both riders."""
    people, county = People(session, context.settings), await make_county(session)
    administers = [(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)]
    admin, second = await people.member(grants=administers), await people.member(grants=administers)
    rider, neighbour = await people.member(), await people.member()
    await members_service.set_profile(session, member_id=rider.id, area=county.community)
    await members_service.set_profile(session, member_id=neighbour.id, area=county.other_community)
    scene = Scene(
        client, session, county, people, reporter=rider, reviewer=await people.member(grants=[on(Role.REVIEWER, county.street.id)]),
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
    )
    shop = Shop(client, session, people, admin)
    shop.rider = rider
    shop.id = await _store(shop, county, "东风便利店", other=False)
    shop.other_id = await _store(shop, county, "建设便利店", other=True)
    shop.owner = await people.member(grants=[(Role.STORE_OWNER, ScopeType.STORE, UUID(shop.id))])
    shop.clerk = await people.member(grants=[(Role.STORE_CLERK, ScopeType.STORE, UUID(shop.id))])
    shop.other_clerk = await people.member(grants=[(Role.STORE_CLERK, ScopeType.STORE, UUID(shop.other_id))])
    connection = await session.connection()
    books = Books(connection, context, county, scene, shop, rider, neighbour, admin, second, {})
    for member in (rider, neighbour):
        await adjust(books, member, 300)
    return books


async def _store(shop: Shop, county: County, name: str, *, other: bool) -> str:
    body = {
        "area_id": str((county.other_community if other else county.community).id), "location": county.place(other=other),
        "address": "文化路 1 号", "phone": "0537-3412345", "name": name, "hours": "08:00-22:00",
    }
    made = await shop.post(shop.admin, "/stores", body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def lived(books: Books) -> None:
    """Reports accepted and closed, a hazard that waits for a second reviewer, orders of every end, a lapse, a settled month."""
    shop = books.shop
    await books.scene.at("closed")
    await books.scene.at("accepted")
    monday = clock.day_start(clock.today() - timedelta(days=clock.today().weekday() + 7))
    for day in (0, 0, 1, 1):
        await points_service.award(
            shop.session, member_id=books.rider.id, rule="HAZARD_ACCEPTED", source_type="drill", source_id=new_id(), source_number=None,
            filed_at=monday + timedelta(days=day), area_path=books.county.community.path,
        )
    await _by_people(books)
    reward = await shop.reward(stock=20)
    for end in ("issued", "verified", "undone", "cancelled", "expired", "settled"):
        order = await shop.order(reward)
        books.orders[end] = UUID(order["id"])
        if end in ("verified", "undone", "settled"):
            done = await shop.verify(order["code"])
            assert done.status_code == 200, done.text
        if end == "undone":
            await shop.post(shop.clerk, f"/redemptions/{order['id']}/undo", {"reason": "拿错"})
            await shop.verify(order["code"])
        if end == "settled":
            days = (clock.today() - clock.month_start(clock.today())).days + 3
            await shop.move(done.json()["verification_id"], f"{days} days")
            await books.as_owner(
                "update points_entry set month = month - interval '1 month' where account = 'redeemed' and transaction_id ="
                f" (select id from points_transaction where kind = 'capture' and reference_id = '{order['id']}')"
            )
    await shop.post(shop.rider, f"/redemptions/{books.orders['cancelled']}/cancel")
    await books.sql("update redemption set expires_at = now() - interval '1 minute' where id = :id", id=books.orders["expired"])
    await books.run("redemption.expire")
    for stock in ({"stock_per_day": 5}, {"stock": 3, "flash": True}):
        await shop.order(await shop.reward(**stock))
    await books.run("redemption.finish_days")
    last_month = f"{clock.month_start(clock.today()) - timedelta(days=1):%Y-%m}"
    await _corrected(books, last_month)
    closed = await shop.post(books.admin, f"/stores/{shop.id}/settlements/{last_month}/close")
    assert closed.status_code == 200, closed.text
    await books.sql("update points_lot set expires_on = current_date - 2 where member_id = :id", id=books.neighbour.id)
    await books.run("points.expire")
    await adjust(books, books.neighbour, 50)
    began = "insert into points_level (member_id, month, level, earned) values (:id, '2025-01-01', 3, 600), (:id, '2025-02-01', 2, 0)"
    await books.sql(began, id=books.rider.id)


async def _corrected(books: Books, month: str) -> None:
    """Ten cents more for the shop, by two persons."""
    path = f"/stores/{books.shop.id}/settlements/{month}/corrections"
    made = await books.shop.post(books.admin, path, {"cents": 10, "reason": "补差"})
    assert made.status_code == 201, made.text
    approved = await books.shop.post(books.second, f"{path}/{made.json()['id']}/approve")
    assert approved.status_code == 200, approved.text


async def _by_people(books: Books) -> None:
    """An idea that was adopted, and a report that was found false."""
    false = await books.scene.file()
    refused = {"reason_code": "not_a_problem", "note": "现场没有问题"}
    await books.scene.give(books.scene.reviewer, false["id"], "reject", refused)
    about: list[dict[str, Any]] = [
        {"rule_code": "SUGGESTION_ADOPTED", "member_id": str(books.rider.id)}, {"rule_code": "FALSE_REPORT", "report_id": false["id"]},
    ]
    for one in about:
        body = one | {"reason": "经核实", "upload_id": await books.scene.photo(books.admin)}
        made = await books.shop.post(books.admin, "/points/awards", body)
        assert made.status_code == 201, made.text
        approved = await books.shop.post(books.second, f"/points/awards/{made.json()['id']}/approve")
        assert approved.status_code == 200, approved.text


@pytest.fixture(scope="module")
async def books(
    committed: Database, application: FastAPI, wechat: WeChatClient, store: ObjectStore, settings: Settings
) -> AsyncIterator[Books]:
    """Made once for a module; a test takes back what it does to it (`untouched`)."""
    async with committed.engine.connect() as connection:
        whole = await connection.begin()
        database = OneConnection(connection, session_info(settings))
        async with database.session() as session, _client(application, database, wechat, store) as client:
            made = await told(session, client, Context(database, wechat, store, settings))
            await lived(made)
            await session.flush()
            made.connection = connection
            yield made
        await whole.rollback()


def _client(application: FastAPI, database: OneConnection, wechat: WeChatClient, store: ObjectStore) -> httpx.AsyncClient:
    application.state.wechat, application.state.store = wechat, store
    return httpx.AsyncClient(transport=served_over(application, database), base_url="http://test")


@pytest.fixture
async def untouched(books: Books) -> AsyncIterator[Books]:
    undone = await books.connection.begin_nested()
    yield books
    await undone.rollback()


@pytest.fixture
def seen(books: Books) -> Iterator[list[str]]:
    """Every statement on the books' connection; clear it to count from here on."""
    executed: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        executed.append(statement)

    sync = books.connection.sync_connection
    assert sync is not None
    with listening(sync, "before_cursor_execute", note):
        yield executed

"""A shop with its people, a second shop, and a rider with points."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.points import ledger
from app.points import service as points_service
from app.points.models import Kind
from tests.support.county import County
from tests.support.owner import as_owner
from tests.support.people import People, Person

API = "/api/v1"


@dataclass
class Shop:
    client: httpx.AsyncClient
    session: AsyncSession
    people: People
    admin: Person
    id: str = ""
    other_id: str = ""
    owner: Person = field(default=None)  # type: ignore[assignment]
    clerk: Person = field(default=None)  # type: ignore[assignment]
    other_clerk: Person = field(default=None)  # type: ignore[assignment]
    rider: Person = field(default=None)  # type: ignore[assignment]

    async def get(self, who: Person, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(API + path, headers=who.headers, params=params)

    async def post(self, who: Person, path: str, body: Any = None, key: str | None = None, **headers: str) -> httpx.Response:
        sent = who.headers | {"Idempotency-Key": key or uuid4().hex} | headers
        return await self.client.post(API + path, headers=sent, json={} if body is None else body)

    async def patch(self, who: Person, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.client.patch(API + path, headers=who.headers | headers, json=body)

    async def reward(self, **more: Any) -> dict[str, Any]:
        body = {
            "name": "矿泉水一瓶", "kind": "goods", "points": 10, "store_ids": [self.id], "valid_days": 30, "settlement_cents": 100,
        }
        made = await self.post(self.admin, "/rewards", body | more)
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    async def order(self, reward: dict[str, Any], quantity: int = 1, who: Person | None = None) -> dict[str, Any]:
        made = await self.post(who or self.rider, "/redemptions", {"reward_id": reward["id"], "quantity": quantity})
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    async def verify(
        self, code: str | None = None, *, token: str | None = None, store: str | None = None, who: Person | None = None, **more: Any
    ) -> httpx.Response:
        shown = {"code": code} if token is None else {"token": token}
        return await self.post(who or self.clerk, "/redemptions/verify", {"store_id": store or self.id} | shown, **more)

    async def ticket(self, order: dict[str, Any], who: Person | None = None) -> str:
        shown = await self.get(who or self.rider, f"/redemptions/{order['id']}/ticket")
        assert shown.status_code == 200, shown.text
        return str(shown.json()["token"])

    async def give(self, who: Person, points: int) -> None:
        balance = await ledger.lock(self.session, who.id)
        await points_service.credit(
            self.session, who.id, balance, points, kind=Kind.ADJUST, reference=ledger.Reference("adjustment", new_id(), None),
            cause=ledger.Cause("test"),
        )

    async def balance(self, who: Person | None = None) -> tuple[int, int]:
        row = await self.sql("select available, held from points_balance where member_id = :id", id=(who or self.rider).id)
        return tuple(row[0])  # type: ignore[return-value]

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        connection = await self.session.connection()
        done = await connection.execute(sa.text(statement), values)
        return list(done.all()) if done.returns_rows else []

    async def move(self, verification_id: str, ago: str) -> None:
        """Puts a verification into the past, which only a test may do."""
        earlier = f"update verification set verified_at = verified_at - interval '{ago}' where id = :id"
        async with as_owner(self.session):
            await self.sql("alter table verification disable trigger user")
            await self.sql(earlier, id=UUID(verification_id))
            await self.sql("alter table verification enable trigger user")


def code_of(response: httpx.Response) -> tuple[int, str]:
    """Status and error code."""
    return response.status_code, response.json().get("code", "")


@pytest.fixture
async def shop(client: httpx.AsyncClient, session: AsyncSession, people: People, county: County) -> Shop:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    shop = Shop(client, session, people, admin)
    body = {"area_id": str(county.community.id), "location": county.place(), "address": "文化路 1 号", "phone": "0537-3412345"}
    made = [await shop.post(admin, "/stores", body | {"name": name, "hours": "08:00-22:00"}) for name in ("东风便利店", "建设便利店")]
    assert [answer.status_code for answer in made] == [201, 201], made[0].text
    shop.id, shop.other_id = (answer.json()["id"] for answer in made)
    shop.owner = await people.member(grants=[(Role.STORE_OWNER, ScopeType.STORE, UUID(shop.id))])
    shop.clerk = await people.member(grants=[(Role.STORE_CLERK, ScopeType.STORE, UUID(shop.id))])
    shop.other_clerk = await people.member(grants=[(Role.STORE_CLERK, ScopeType.STORE, UUID(shop.other_id))])
    shop.rider = await people.member()
    await shop.give(shop.rider, 100)
    return shop

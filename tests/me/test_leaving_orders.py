"""What a cancellation does to points and orders, and what an erasure leaves of them."""

from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.points import ledger
from app.points import queries as points_queries
from app.points import service as points_service
from app.points.models import Kind, PointsTransaction

API = "/api/v1"


@pytest.fixture
async def rider(people, session):
    person = await people.member()
    balance = await ledger.lock(session, person.id)
    await points_service.credit(
        session, person.id, balance, 100, kind=Kind.ADJUST, reference=ledger.Reference("adjustment", new_id(), None),
        cause=ledger.Cause("test"),
    )
    return person


@pytest.fixture
async def order(client, people, county, rider):
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])

    async def post(who, path: str, body: dict) -> dict:
        made = await client.post(API + path, json=body, headers=who.headers | {"Idempotency-Key": uuid4().hex})
        assert made.status_code == 201, made.text
        return made.json()

    store = {"area_id": str(county.community.id), "location": county.place(), "address": "文化路 1 号", "phone": "0537-3412345"}
    shop = await post(admin, "/stores", store | {"name": "东风便利店", "hours": "08:00-22:00"})
    reward = {"name": "矿泉水一瓶", "kind": "goods", "points": 10, "store_ids": [shop["id"]], "valid_days": 30, "settlement_cents": 100}
    water = await post(admin, "/rewards", reward)
    return await post(rider, "/redemptions", {"reward_id": water["id"], "quantity": 2})


async def test_the_copy_names_orders_and_entries_without_codes(client, rider, order) -> None:
    answer = await client.get(f"{API}/members/me/export", headers=rider.headers)
    copy = answer.json()["data"]
    assert [row["number"] for row in copy["redemptions"]["redemptions"]] == [order["number"]]
    assert order["number"] in [entry["reference"] for entry in copy["points"]["entries"]]
    assert order["code"] not in answer.text


async def test_live_orders_end_with_the_cancellation_and_the_ledger_outlives_the_person(client, session, run_job, rider, order) -> None:
    assert (await points_queries.standing(session, member_id=rider.id)).held == 20
    assert (await client.delete(f"{API}/members/me", headers=rider.headers)).status_code == 202
    standing = await points_queries.standing(session, member_id=rider.id)
    assert (standing.available, standing.held) == (100, 0)

    await session.exec(sa.update(Account).where(col(Account.id) == rider.id).values(erase_on=clock.today() - timedelta(days=1)))
    await run_job("me.erase", {"member_id": str(rider.id)})
    lines = sa.select(col(PointsTransaction.amount)).where(col(PointsTransaction.member_id) == rider.id).order_by(col(PointsTransaction.id))
    amounts = list((await session.exec(lines)).scalars().all())
    assert amounts[:3] == [100, -20, 20] and sum(amounts) == 0

"""How much may be moved by hand: for a member, by a maker; judged when it is proposed and when it is approved."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.base import new_id
from app.members import service as members_service
from app.points import workflow_caps
from app.points.models import PointsProposal
from app.points.models_rules import CapCode, PointsCap
from app.points.workflow import Ceiling
from app.points.workflow_caps import Over
from tests.points.conftest import Cast, Earn
from tests.points.test_proposals import proof
from tests.support.people import People, Person

API = "/api/v1/points"


async def propose(client: httpx.AsyncClient, who: Person, member: Person, amount: int, **told: Any) -> httpx.Response:
    body = {"member_id": str(member.id), "amount": amount, "reason": "线下补记", "upload_id": await proof(client, who)} | told
    return await client.post(f"{API}/adjustments", json=body, headers=who.headers | {"Idempotency-Key": new_id().hex})


async def decide(client: httpx.AsyncClient, who: Person, made: httpx.Response, verb: str = "approve") -> httpx.Response:
    return await client.post(f"{API}/adjustments/{made.json()['id']}/{verb}", headers=who.headers)


async def limit(client: httpx.AsyncClient, who: Person, code: str, **told: Any) -> None:
    body = {"per_day": None, "per_month": None, "per_year": None} | told
    answer = await client.put(f"{API}/caps/{code}", json=body, headers=who.headers)
    assert answer.status_code == 200, answer.text


def numbers(refused: httpx.Response) -> tuple[int, str, dict[str, Any]]:
    body = refused.json()
    return refused.status_code, body["code"], {name: body.get(name) for name in ("limit", "period", "used", "amount", "cap_code")}


async def test_a_month_holds_a_thousand_for_a_member(client, session, cast: Cast) -> None:
    """Both directions count, whoever asks; what was rejected does not."""
    first = await propose(client, cast.admin, cast.rider, 600)
    rejected = await propose(client, cast.second, cast.rider, 300)
    assert (first.status_code, rejected.status_code) == (201, 201)
    assert (await decide(client, cast.admin, rejected, "reject")).status_code == 200
    assert (await propose(client, cast.second, cast.rider, -390)).status_code == 201
    refused = await propose(client, cast.second, cast.rider, 11)
    told = {"limit": 1_000, "period": "month", "used": 990, "amount": 11, "cap_code": "ADJUSTMENT_PER_MEMBER"}
    assert numbers(refused) == (409, "limit_reached", told)
    assert refused.json()["detail"] == "对同一人的人工调整每月上限 1000 分，已用 990 分"
    count = await session.exec(sa.select(sa.func.count()).select_from(PointsProposal))
    assert count.scalar_one() == 3, "what is refused leaves nothing"
    assert (await propose(client, cast.second, cast.rider, 10)).status_code == 201
    assert (await decide(client, cast.second, first)).status_code == 200


async def test_a_months_use_is_over_with_the_month(client, session, cast: Cast) -> None:
    made = await propose(client, cast.admin, cast.rider, 1_000)
    last_month = clock.day_start(clock.month_start(clock.today())) - timedelta(seconds=1)
    await session.exec(sa.update(PointsProposal).values(created_at=last_month))
    assert (await propose(client, cast.admin, cast.rider, 1_000)).status_code == 201
    assert (await decide(client, cast.second, made)).status_code == 200, "counted where it was made"


async def test_a_maker_has_a_limit_over_all_members(client, session, people: People, county, cast: Cast) -> None:
    for _ in range(5):
        rider = await people.member()
        await members_service.set_profile(session, member_id=rider.id, area=county.community)
        assert (await propose(client, cast.admin, rider, 1_000)).status_code == 201
    refused = await propose(client, cast.admin, cast.rider, -1)
    told = {"limit": 5_000, "period": "month", "used": 5_000, "amount": 1, "cap_code": "ADJUSTMENT_PER_MAKER"}
    assert numbers(refused) == (409, "limit_reached", told)
    assert (await propose(client, cast.second, cast.rider, -1)).status_code == 201


async def test_a_limit_that_was_narrowed_holds_at_approval(client, people: People, county, cast: Cast) -> None:
    made = await propose(client, cast.admin, cast.rider, 600)
    street = {"area_id": str(county.street.id)}
    await limit(client, cast.admin, "ADJUSTMENT_PER_MEMBER", per_day=500, **street)
    refused = await decide(client, cast.second, made)
    told = {"limit": 500, "period": "day", "used": 0, "amount": 600, "cap_code": "ADJUSTMENT_PER_MEMBER"}
    assert numbers(refused) == (409, "limit_reached", told)
    await limit(client, cast.admin, "ADJUSTMENT_PER_MEMBER", **street)
    assert (await decide(client, cast.second, made)).status_code == 200


async def test_nobody_loosens_the_limit_on_themselves(client, people: People, county, cast: Cast) -> None:
    """An area may narrow what holds above it. Widening it there changes nothing; the platform's administrator widens it for all."""
    for code in ("ADJUSTMENT_PER_MEMBER", "ADJUSTMENT_PER_MAKER"):
        await limit(client, cast.admin, code, per_month=900_000, area_id=str(county.street.id))
    assert numbers(await propose(client, cast.admin, cast.rider, 1_001))[2]["limit"] == 1_000
    platform = await people.console()
    await limit(client, platform, "ADJUSTMENT_PER_MEMBER", per_month=2_000)
    assert (await propose(client, cast.admin, cast.rider, 1_001)).status_code == 201


async def test_a_clawback_takes_what_was_given_whatever_the_limit(client, people: People, cast: Cast, earn: Earn) -> None:
    await limit(client, await people.console(), "ADJUSTMENT_PER_MEMBER", per_month=1)
    await earn(cast.rider.id)
    line = (await client.get(f"{API}/me/entries", headers=cast.rider.headers)).json()["items"][0]
    body = {"entry_id": line["id"], "reason": "虚假上报", "upload_id": await proof(client, cast.admin)}
    made = await client.post(f"{API}/clawbacks", json=body, headers=cast.admin.headers)
    assert made.status_code == 201
    assert (await client.post(f"{API}/clawbacks/{made.json()['id']}/approve", headers=cast.second.headers)).status_code == 200


async def test_the_proof_is_the_makers_own(client, session, cast: Cast) -> None:
    foreign = await propose(client, cast.admin, cast.rider, 10, upload_id=await proof(client, cast.second))
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    for missing in ("reason", "upload_id"):
        body = {"member_id": str(cast.rider.id), "amount": 1, "reason": "线下补记", "upload_id": str(new_id())}
        del body[missing]
        answer = await client.post(f"{API}/adjustments", json=body, headers=cast.admin.headers | {"Idempotency-Key": new_id().hex})
        assert answer.status_code == 422
    found = await session.exec(sa.select(col(PointsProposal.id)))
    assert found.all() == []


@pytest.mark.parametrize(("levels", "used", "over"), [
    ([], Ceiling(9, 9, 9), None),
    ([(None, 10, None)], Ceiling(20, 10, 20), None),
    ([(None, 10, None)], Ceiling(20, 11, 20), Over("month", 10, 11)),
    ([(None, 10, 15), (5, None, None)], Ceiling(6, 11, 20), Over("day", 5, 6)),
    ([(None, 10, None), (None, 30, None)], Ceiling(20, 20, 20), Over("month", 10, 20)),
    ([(None, 40, None), (None, 15, None)], Ceiling(20, 20, 20), Over("month", 15, 20)),
])
def test_every_level_holds(levels: list[tuple[int | None, int | None, int | None]], used: Any, over: Over | None) -> None:
    code = CapCode.ADJUSTMENT_PER_MEMBER
    caps = [PointsCap(code=code, version=1, per_day=day, per_month=month, per_year=year) for day, month, year in levels]
    assert workflow_caps.exceeded(caps, used) == over

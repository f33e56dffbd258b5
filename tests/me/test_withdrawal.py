"""What a withdrawn consent closes."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlmodel import col

from app import clock
from app.auth.roles import Role, ScopeType
from app.auth.routing import Route
from app.db.base import new_id
from app.members import service as members_service
from app.members.schemas import EmployerIn
from app.points import ledger
from app.points import service as points_service
from app.points.models import Kind, PointsTransaction
from tests.support.owner import as_owner

API = "/api/v1"


async def current(client, purpose: str) -> str:
    return next(text["version"] for text in (await client.get(f"{API}/members/consent-texts")).json() if text["purpose"] == purpose)


async def register(client, rider, county, **declared) -> None:
    consents = [{"purpose": purpose, "version": await current(client, purpose)} for purpose in ("service", "party_identity")]
    body = {
        "consents": consents, "real_name": "张三", "occupation": "courier", "work_area_id": str(county.grid.id),
        "employers": [{"name": "闪送"}],
    }
    made = await client.post(f"{API}/registrations", json=body | declared, headers=rider.headers)
    assert made.status_code == 201, made.text


PARTY = {"political_status": "full_member", "party": {"home_branch": "外地某某支部", "relation": "elsewhere"}}


@pytest.mark.parametrize(
    ("declared", "purpose", "stays"),
    [(PARTY, "party_identity", False), (PARTY, "service", True), ({"political_status": "masses"}, "party_identity", True)],
)
async def test_the_party_consent_closes_what_stood_on_it_alone(client, people, county, declared, purpose: str, stays: bool) -> None:
    rider = await people.member()
    await register(client, rider, county, **declared)
    before = (await client.get(f"{API}/members/me", headers=rider.headers)).json()["registration"]
    body = {"version": await current(client, purpose), "granted": False}
    answer = await client.put(f"{API}/members/me/consents/{purpose}", json=body, headers=rider.headers)
    assert answer.status_code == 200, answer.text
    ended = [] if stays else [{"kind": "registration", "number": before["number"]}]
    assert answer.json()["closed"] == ended
    assert (await client.put(f"{API}/members/me/consents/{purpose}", json=body, headers=rider.headers)).json()["closed"] == []
    profile = (await client.get(f"{API}/members/me", headers=rider.headers)).json()
    assert (profile["registration"] is not None) == stays
    assert profile["real_name"] == "张三"
    copy = (await client.get(f"{API}/members/me/export", headers=rider.headers)).text
    assert ("外地某某支部" in copy) == (stays and declared is PARTY)


async def test_a_refused_withdrawal_closes_nothing(client, people, county) -> None:
    rider = await people.member()
    await register(client, rider, county, **PARTY)
    body = {"version": "1999-01", "granted": False}
    refused = await client.put(f"{API}/members/me/consents/party_identity", json=body, headers=rider.headers)
    assert refused.status_code == 422
    assert (await client.get(f"{API}/members/me", headers=rider.headers)).json()["registration"]["status"] == "pending"


async def say(client, who, purpose: str, *, granted: bool) -> Any:
    body = {"version": await current(client, purpose), "granted": granted}
    answer = await client.put(f"{API}/members/me/consents/{purpose}", json=body, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["closed"]


# What a member may still send without the consent `service`: who one is, and what one's account is to become.
WITHOUT_SERVICE = {
    "/api/v1/auth/otp", "/api/v1/auth/otp/confirm", "/api/v1/auth/step-up", "/api/v1/auth/logout", "/api/v1/members/me/phone",
    "/api/v1/members/me/restore", "/api/v1/registrations",
}


def test_the_consent_service_stands_before_every_post_but_these(application: FastAPI) -> None:
    """A registration asks for it itself: it may be given in that very call."""
    free = set()
    for context in iter_route_contexts(application.routes):
        route = next((one for one in (getattr(context, "original_route", None), context) if isinstance(one, Route)), None)
        if route is not None and "POST" in route.methods and not route.policy.public and "service" not in route.policy.consents:
            free.add(context.path)
    assert free == WITHOUT_SERVICE, free ^ WITHOUT_SERVICE


async def test_without_service_nothing_new_is_sent_and_everything_own_is_still_read(client, people, county) -> None:
    rider = await people.member(consents=())
    await say(client, rider, "service", granted=True)
    await say(client, rider, "location", granted=True)
    registration = {"real_name": "张三", "occupation": "courier", "work_area_id": str(county.grid.id), "political_status": "masses"}
    posts: dict[str, dict[str, Any] | None] = {
        "/complaints": {"kind": "suggestion", "text": "多设几个充电桩"}, "/members/me/work-relations": {"name": "闪送"},
        "/messages/read-all": None, "/redemptions": {"reward_id": str(uuid4()), "quantity": 1},
        "/reports": {"category_code": "bin_overflow", "description": "满了", "location": county.place(), "upload_ids": [str(uuid4())]},
        "/registrations": registration | {"employers": []},
    }

    async def codes() -> set[str | None]:
        answers = [
            await client.post(API + path, json=body, headers=rider.headers | {"Idempotency-Key": uuid4().hex})
            for path, body in posts.items()
        ]
        return {answer.json().get("code") if answer.status_code >= 400 else None for answer in answers}

    assert "consent_required" not in await codes()
    assert await say(client, rider, "service", granted=False) == []
    assert await codes() == {"consent_required"}
    for path in ("", "/export", "/consents", "/work-relations"):
        assert (await client.get(f"{API}/members/me{path}", headers=rider.headers)).status_code == 200
    assert (await client.get(f"{API}/messages", headers=rider.headers)).status_code == 200
    assert (await client.patch(f"{API}/members/me", json={"nickname": "风"}, headers=rider.headers)).status_code == 200
    assert (await client.delete(f"{API}/members/me", headers=rider.headers)).status_code == 202


async def test_without_location_no_report(client, people, county) -> None:
    rider = await people.member(consents=())
    for purpose in ("service", "location"):
        await say(client, rider, purpose, granted=True)
    body = {"category_code": "bin_overflow", "description": "满了", "location": county.place(), "upload_ids": [str(uuid4())]}

    async def report() -> tuple[int, str, str | None]:
        answer = await client.post(f"{API}/reports", json=body, headers=rider.headers | {"Idempotency-Key": uuid4().hex})
        return answer.status_code, answer.json()["code"], answer.json().get("purpose")

    assert (await report())[1] != "consent_required"
    assert await say(client, rider, "location", granted=False) == []
    assert await report() == (403, "consent_required", "location")
    complaint = {"kind": "suggestion", "text": "多设几个充电桩"}
    assert (await client.post(f"{API}/complaints", json=complaint, headers=rider.headers)).status_code == 201


async def earn(session, person, amount: int) -> None:
    balance = await ledger.lock(session, person.id)
    await points_service.credit(
        session, person.id, balance, amount, kind=Kind.EARN, reference=ledger.Reference("test", new_id(), None), cause=ledger.Cause("test"),
    )


async def test_without_employer_statement_the_line_is_gone_at_once(client, session, people, county) -> None:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    told = {"name": "迅达配送", "uscc": "91370812MA3C4D5E69", "kind": "depot", "area_id": str(county.root.id)}
    firm = (await client.post(f"{API}/enterprises", json=told, headers=admin.headers)).json()
    rider = await people.member()
    await members_service.set_profile(session, member_id=rider.id, real_name="张三", area=county.grid)
    await members_service.set_employers(session, member_id=rider.id, employers=[EmployerIn(enterprise_id=firm["id"])])
    await earn(session, rider, 10)
    await say(client, rider, "employer_statement", granted=True)

    async def statement() -> dict[str, Any]:
        month = f"{clock.today():%Y-%m}"
        shown: dict[str, Any] = (await client.get(f"{API}/enterprises/{firm['id']}/statements/{month}", headers=admin.headers)).json()
        return shown

    before = await statement()
    assert [(line["name"], line["points"]) for line in before["lines"]] == [("张三", 10)]
    assert await say(client, rider, "employer_statement", granted=False) == [{"kind": "statement_line", "number": None}]
    after = await statement()
    assert (after["lines"], after["members"], after["points_total"]) == ([], 1, 10)
    assert "张三" not in str(after)


async def test_without_publicity_the_list_does_not_name_one(client, session, people, county) -> None:
    rider = await people.member()
    await members_service.set_profile(session, member_id=rider.id, real_name="欧阳三丰", area=county.grid)
    await earn(session, rider, 10)
    quarter = (clock.today().month - 1) // 3  # of the quarter before this one; 0 is the last one of last year
    year, quarter = (clock.today().year, quarter) if quarter else (clock.today().year - 1, 4)
    moved = clock.day_start(clock.today().replace(year=year, month=3 * quarter - 1, day=15)) + timedelta(hours=12)
    async with as_owner(session):
        await session.exec(sa.text("alter table points_transaction disable trigger user"))
        await session.exec(sa.update(PointsTransaction).where(col(PointsTransaction.member_id) == rider.id).values(created_at=moved))
        await session.exec(sa.text("alter table points_transaction enable trigger user"))
    await say(client, rider, "publicity", granted=True)

    async def names() -> list[str]:
        answer = await client.get(f"{API}/points/publicity/{year}-q{quarter}", headers=rider.headers)
        assert answer.status_code == 200, answer.text
        return [line["name"] for line in answer.json()["items"]]

    assert "欧阳*" in await names()
    assert await say(client, rider, "publicity", granted=False) == [{"kind": "publicity_line", "number": None}]
    assert "欧阳*" not in await names()


async def test_a_no_that_follows_no_yes_closes_nothing(client, people) -> None:
    rider = await people.member(consents=())
    for purpose in ("service", "location", "party_identity", "employer_statement", "publicity"):
        assert await say(client, rider, purpose, granted=False) == []

"""Rights that end at once (S25) and rights that nobody climbs to (S26): what is done to somebody, and what that somebody hears next."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app import clock
from app.auth.roles import ScopeType
from app.auth.service import put_scope
from tests.access.estate import Estate
from tests.access.side_doors import send
from tests.support.traces import undone

Deed = Callable[[Estate], Awaitable[Any]]


@dataclass(frozen=True)
class Ending:
    """`asks` is answered with 2xx before the deed and with `then` right after it, by the same token."""

    name: str
    who: str
    asks: str
    then: tuple[int, ...]
    deed: Deed


def endings(estate: Estate) -> list[Ending]:
    ids, county = estate.ids, estate.county
    report, shop = f"/reports/{ids['report_id']}", f"/stores/{ids['store_id']}"

    def of(who: str) -> dict[str, Any]:
        return {"id": estate[who].id}

    async def revoked(_: Estate) -> None:
        found = await estate.connection.execute(sa.text("select id from access_grant where account_id = :id"), of("reviewer@community"))
        await _done(await send(estate, "maker", "DELETE", f"/auth/grants/{found.scalar_one()}"))

    async def dismissed(_: Estate) -> None:
        found = await estate.connection.execute(sa.text("select id from access_grant where account_id = :id"), of("clerk@own"))
        await _done(await send(estate, "owner@own", "DELETE", f"{shop}/staff/{found.scalar_one()}"))

    async def off_duty(_: Estate) -> None:
        path = f"/organisations/{ids['organisation_id']}/assignments/{ids['organisation_assignment']}/end"
        await _done(await send(estate, "maker", "POST", path, {}))

    async def moved(_: Estate) -> None:
        """The store belongs to the community beside: nothing in a grant has changed."""
        await put_scope(
            estate.session, scope_type=ScopeType.AREA, scope_id=county.community.id, area_path="370883/370883001/", name="迁走的社区"
        )
        await estate.session.flush()

    return [
        Ending("a revoked grant", "reviewer@community", report, (404,), revoked),
        Ending("a dismissed clerk", "clerk@own", f"{shop}/verifications", (404,), dismissed),
        Ending("a grant that runs out", "admin@community", report, (404,), _sql(
            "update access_grant set valid_until = clock_timestamp() where account_id = :id", of("admin@community"))),
        Ending("a suspended account", "admin@county", report, (401, 403), _sql(
            "update account set status = 'suspended' where id = :id", of("admin@county"))),
        Ending("an ended session", "admin@street", report, (401,), _sql(
            "update auth_session set ended_at = clock_timestamp(), end_reason = 'logout' where account_id = :id", of("admin@street"))),
        Ending("a session that runs out", "admin@street", report, (401,), _sql(
            "update auth_session set expires_at = clock_timestamp() where account_id = :id", of("admin@street"))),
        Ending("an area that moved away", "admin@community", f"/areas/{county.community.id}/checkins", (404,), moved),
        Ending("a step-up that is over", "admin@county", f"/uploads/{ids['upload_id']}/original", (403,), _sql(
            "update auth_session set stepped_up_until = clock_timestamp() where account_id = :id", of("admin@county"))),
        Ending("an assignment that ended", "instructor@own", f"/organisations/{ids['organisation_id']}/visits", (404,), off_duty),
    ]


def _sql(statement: str, values: dict[str, Any]) -> Deed:
    async def do(estate: Estate) -> None:
        done = await estate.connection.execute(sa.text(statement), values)
        assert done.rowcount, statement

    return do


async def _done(answer: Any) -> None:
    assert answer.is_success, f"{answer.request.url}: {answer.status_code} {answer.text}"


async def outlived(estate: Estate, some: Sequence[Ending]) -> list[str]:
    """Each right that was there before, or lived on."""
    wrong = []
    for ending in some:
        async with undone(estate.connection):
            before = await send(estate, ending.who, "GET", ending.asks)
            await ending.deed(estate)
            after = await send(estate, ending.who, "GET", ending.asks)
        if not before.is_success or after.status_code not in ending.then:
            wrong.append(f"{ending.name}: {before.status_code}, then {after.status_code} {after.text[:160]}")
    return wrong


Climb = tuple[str, str, str, dict[str, Any], tuple[int, ...]]


def climbs(estate: Estate) -> list[Climb]:
    """(who, what, path, body, what they hear): own role exceeded, own subtree left, oneself, and decisions on one's own."""
    ids, county, to = estate.ids, estate.county, {"phone": "13755550077"}

    def grant(role: str, scope: Any, scope_type: str = "area", **more: str) -> dict[str, Any]:
        return to | {"role": role, "scope_type": scope_type, "scope_id": str(scope)} | more

    def own(who: str) -> dict[str, str]:
        return {"account_id": str(estate[who].id)}

    alone = {key: value for key, value in grant("grid_worker", county.grid.id).items() if key != "phone"}
    return [
        ("admin@street", "an equal", "/auth/grants", grant("area_admin", county.street.id), (403,)),
        ("admin@street", "a superior", "/auth/grants", grant("area_admin", county.root.id), (404,)),
        ("admin@county", "an auditor", "/auth/grants", grant("auditor", county.community.id), (403,)),
        ("admin@sibling", "somebody beside", "/auth/grants", grant("reviewer", county.community.id), (404,)),
        ("admin@far", "somebody of another county", "/auth/grants", grant("reviewer", county.community.id), (404,)),
        ("reviewer@community", "a worker", "/auth/grants", grant("grid_worker", county.grid.id), (403,)),
        ("owner@own", "a second owner", "/auth/grants", grant("store_owner", ids["store_id"], "store"), (403,)),
        ("secretary@own", "a second secretary", "/auth/grants", grant("org_secretary", ids["organisation_id"], "organisation"), (403,)),
        ("platform", "a reviewer", "/auth/grants", grant("reviewer", county.community.id), (403,)),
        ("auditor@county", "anybody", "/auth/grants", grant("reviewer", county.community.id), (403,)),
        ("admin@county", "oneself", "/auth/grants", alone | own("admin@county"), (403,)),
        ("admin@county", "nobody", "/auth/grants", alone | {"account_id": ids["store_id"]}, (404,)),
        ("owner@own", "a second owner as staff", f"/stores/{ids['store_id']}/staff", to | {"role": "store_owner"}, (403,)),
        ("clerk@own", "a colleague", f"/stores/{ids['store_id']}/staff", to | {"role": "store_clerk"}, (403,)),
        ("maker", "an own adjustment", f"/points/adjustments/{ids['adjustment']}/approve", {}, (403,)),
        ("maker", "an own claw-back", f"/points/clawbacks/{ids['clawback']}/approve", {}, (403,)),
        ("maker", "an own award", f"/points/awards/{ids['award_id']}/approve", {}, (403,)),
        ("maker", "an own correction",
         f"/stores/{ids['store_id']}/settlements/{clock.today():%Y-%m}/corrections/{ids['correction_id']}/approve", {}, (403,)),
        ("maker", "an own shortlist", f"/points/shortlists/{ids['shortlist_id']}/decide",
         {"chosen": [ids["member_id"]], "note": "x"}, (403,)),
        ("checker", "an own confirmation", f"/points/confirmations/{ids['confirmation_id']}/confirm", {}, (403,)),
        ("checker", "an own report", f"/reports/{ids['checkers_report']}/accept", {}, (403,)),
        ("clerk@own", "an own order", "/redemptions/verify", {"store_id": ids["store_id"], "code": ids["clerks_code"]}, (403,)),
        ("admin@county", "points for oneself", "/points/adjustments", {
            "member_id": str(estate["admin@county"].id), "amount": 5, "reason": "x", "upload_id": estate.photos["admin@county"],
        }, (403, 404)),
    ]


async def prepare(estate: Estate) -> None:
    """A reviewer's own report and a clerk's own order."""
    checker, clerk, ids = estate["checker"], estate["clerk@own"], estate.ids
    photo, place = await estate.photo(checker), estate.county.place()
    body = {"category_code": "road_hole", "description": "路面有坑", "location": place, "upload_ids": [photo]}
    ids["checkers_report"] = (await estate.does(checker, "/reports", body))["id"]
    money = {"member_id": str(clerk.id), "amount": 9, "reason": "补记", "upload_id": await estate.photo(estate["maker"])}
    proposal = await estate.does(estate["maker"], "/points/adjustments", money)
    await estate.does(estate["admin@county"], f"/points/adjustments/{proposal['id']}/approve")
    ids["clerks_code"] = (await estate.does(clerk, "/redemptions", {"reward_id": ids["reward_id"]}))["code"]


async def climbed(estate: Estate, some: Sequence[Climb]) -> list[str]:
    """Each climb that was not refused, or not written down as denied."""
    wrong = []
    for who, what, path, body, expected in some:
        before = await _denials(estate, who)
        answer = await send(estate, who, "POST", path, body)
        if answer.status_code not in expected:
            wrong.append(f"{who}, {what}: {answer.status_code} {answer.text[:160]}")
        elif answer.status_code == 403 and await _denials(estate, who) == before:
            wrong.append(f"{who}, {what}: refused, and nobody wrote it down")
    return wrong


async def _denials(estate: Estate, who: str) -> int:
    found = await estate.connection.execute(
        sa.text("select count(*) from audit_event where outcome = 'denied' and actor_id = :id"), {"id": estate[who].id}
    )
    return int(found.scalar_one())

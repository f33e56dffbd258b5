"""Corrections go forward, terms are frozen, files stay the same to the byte, and the days to object are working days."""

import csv
import io
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from app import clock
from app.auth.roles import Role, ScopeType
from app.redemptions import queries_settlements, views_settlements
from app.redemptions.models import SettlementCorrection
from app.redemptions.schemas_settlements import SettlementOut
from app.redemptions.workflow_settlements import fitting
from tests.redemptions.conftest import Shop, code_of
from tests.redemptions.test_settlements import LAST_MONTH, THIS_MONTH, path, verified
from tests.support.county import County
from tests.support.owner import as_owner
from tests.support.people import Person

ACCOUNT = "6228480402564890018"


@pytest.fixture
async def second(shop: Shop, county: County) -> Person:
    return await shop.people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])


async def sign(shop: Shop, **more: Any) -> str:
    """A contract that was in force in the first half of last month only."""
    first = clock.month_start(clock.month_start(clock.today()) - timedelta(days=1))
    body = {
        "number": "XX-2026-017", "signed_on": f"{first}", "starts_on": f"{first - timedelta(days=90)}",
        "ends_on": f"{first + timedelta(days=14)}", "payee_name": "东风便利店（个体）", "bank_name": "中国农业银行",
        "bank_account": ACCOUNT, "pay_within_days": 3,
    }
    made = await shop.post(shop.admin, f"/stores/{shop.id}/contracts", body | more)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def corrected(shop: Shop, month: str, cents: int, by: Person | None, **more: Any) -> dict[str, Any]:
    """Proposed by the administrator; decided by somebody, if at all."""
    made = await shop.post(shop.admin, path(shop, month, "/corrections"), {"cents": cents, "reason": "上月多结"} | more)
    assert made.status_code == 201, made.text
    answer: dict[str, Any] = made.json()
    if by is not None:
        done = await shop.post(by, path(shop, month, f"/corrections/{answer['id']}/approve"))
        assert (done.status_code, done.json()["status"]) == (200, "approved"), done.text
    return answer


async def month_of(shop: Shop, month: str, who: Person | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = (await shop.get(who or shop.admin, path(shop, month))).json()
    return answer


def stands(month: dict[str, Any]) -> list[tuple[int, str, bool]]:
    return [(one["cents"], one["status"], one["included"]) for one in month["corrections"]]


async def refused(shop: Shop, statement: str) -> bool:
    """By the database, though its owner asks."""
    try:
        async with shop.session.begin_nested(), as_owner(shop.session):
            await shop.sql(statement)
    except DBAPIError:
        return True
    return False


async def test_a_correction_takes_two_and_goes_forward(shop: Shop, second: Person) -> None:
    await verified(shop, await shop.reward(), 2, last_month=True)
    large = await corrected(shop, LAST_MONTH, -300, second)
    await corrected(shop, LAST_MONTH, 50, second)
    late = await corrected(shop, LAST_MONTH, -60, None)
    assert stands(month := await month_of(shop, LAST_MONTH)) == [(-300, "approved", False), (50, "approved", True), (-60, "pending", False)]
    assert (month["lines_cents"], month["total_cents"]) == (200, 250)
    closed = (await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))).json()
    assert (closed["total_cents"], stands(closed), closed["intact"]) == (250, [(50, "approved", True)], True)
    told = await shop.sql("select member_id, title from message where reference_type = 'settlement_correction'")
    assert Counter(tuple(row) for row in told) == {(second.id, "结算更正待审批"): 3, (shop.owner.id, "结算更正"): 2}
    # What had no room, and what nobody had decided, stands in the next month by itself.
    done = await shop.post(second, path(shop, THIS_MONTH, f"/corrections/{late['id']}/approve"), **{"If-Match": '"1"'})
    assert done.status_code == 200, done.text
    await verified(shop, await shop.reward(settlement_cents=310))
    month = await month_of(shop, THIS_MONTH)
    assert (stands(month), month["total_cents"]) == ([(-300, "approved", True), (-60, "approved", False)], 10)
    listed = (await shop.get(shop.owner, f"/stores/{shop.id}/settlements")).json()["items"]
    assert [(one["month"], one["status"], one["count"], one["total_cents"]) for one in listed] == [
        (THIS_MONTH, "open", 1, 10), (LAST_MONTH, "closed", 1, 250),
    ]
    page = (await shop.get(shop.owner, f"/stores/{shop.id}/settlements", limit=1)).json()
    rest = (await shop.get(shop.owner, f"/stores/{shop.id}/settlements", limit=1, cursor=page["next_cursor"])).json()
    assert page["items"] + rest["items"] == listed and rest["next_cursor"] is None
    again = await shop.post(second, path(shop, THIS_MONTH, f"/corrections/{large['id']}/reject"))
    assert code_of(again) == (409, "invalid_transition")
    await shop.sql("set constraints all immediate")
    for change in (
        "update settlement set total_cents = 1", "update settlement set payee_name = 'x'", "delete from settlement",
        "update settlement_correction set cents = 1",
        "update settlement_correction set settlement_id = null where settlement_id is not null",
        "update settlement_correction set status = 'rejected'", "delete from settlement_correction", "update settlement_line set cents = 0",
        "update settlement_correction set decided_by = proposed_by where status = 'approved'",
    ):
        assert await refused(shop, change), change


async def test_who_may_correct_what(shop: Shop, second: Person) -> None:
    old = await verified(shop, await shop.reward(), last_month=True)
    await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))
    here, body = path(shop, THIS_MONTH, "/corrections"), {"cents": -50, "reason": "多结一瓶"}
    for who, answer in ((shop.owner, (403, "forbidden")), (shop.clerk, (403, "forbidden")), (shop.rider, (404, "not_found"))):
        assert code_of(await shop.post(who, here, body)) == answer
    assert code_of(await shop.post(shop.admin, path(shop, LAST_MONTH, "/corrections"), body)) == (409, "invalid_transition")
    ahead = f"{clock.next_month(clock.today()):%Y-%m}"
    assert code_of(await shop.post(shop.admin, path(shop, ahead, "/corrections"), body)) == (409, "conflict")
    other = {"verification_id": shop.id}
    for wrong in ({"cents": 0}, {"cents": 1.5}, {"of_month": THIS_MONTH}, {"of_month": "2020-01"}, other, {"reason": ""}):
        assert code_of(await shop.post(shop.admin, here, body | wrong)) == (422, "validation_error"), wrong
    made = await corrected(shop, THIS_MONTH, -50, None, of_month=LAST_MONTH, verification_id=old["verification_id"])
    assert made["allowed"] == [] and (made["of_month"], made["status"]) == (LAST_MONTH, "pending")
    approve = path(shop, THIS_MONTH, f"/corrections/{made['id']}/approve")
    assert code_of(await shop.post(shop.admin, approve)) == (403, "forbidden")
    assert code_of(await shop.post(second, approve, **{"If-Match": '"7"'})) == (412, "version_mismatch")
    elsewhere = f"/stores/{shop.other_id}/settlements/{THIS_MONTH}/corrections/{made['id']}/approve"
    assert code_of(await shop.post(second, elsewhere)) == (404, "not_found")
    assert (await month_of(shop, THIS_MONTH, second))["corrections"][0]["allowed"] == ["approve", "reject"]
    assert (await shop.post(second, approve.replace("approve", "reject"))).json()["status"] == "rejected"
    # Who owns the store decides nothing about what it is paid.
    both = await shop.people.member(
        grants=[(role, scope, grant.scope_id) for grant in shop.admin.principal.grants for role, scope in ((grant.role, grant.scope_type),)]
        + [(Role.STORE_OWNER, ScopeType.STORE, UUID(shop.id))]
    )
    assert code_of(await shop.post(both, here, body)) == (403, "forbidden")


def test_a_month_takes_what_it_has_room_for() -> None:
    due = [SettlementCorrection(id=UUID(int=n), cents=cents) for n, cents in enumerate((-80, -500, 30, -60))]
    assert [one.cents for one in fitting(100, due)] == [-80, 30] and fitting(0, due[1:2]) == []
    assert [one.cents for one in fitting(110, due)] == [-80, 30, -60]


async def test_a_closing_that_does_not_add_up_is_refused(shop: Shop) -> None:
    await verified(shop, await shop.reward(), last_month=True)
    await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))
    copied = (
        "insert into settlement (id, store_id, month, status, closed_at, confirm_by, confirmed_by_silence, version, store_name, lines,"
        " total_cents, digest) select gen_random_uuid(), store_id, '2020-01-01', status, closed_at, confirm_by, false, 1, store_name, {},"
        " total_cents, digest from settlement; set constraints all immediate"
    )
    assert not await refused(shop, "set constraints all immediate")
    for lines in ("lines", "0"):
        with pytest.raises(DBAPIError):
            async with shop.session.begin_nested():
                for statement in copied.format(lines).split(";"):
                    await shop.sql(statement)


async def test_terms_are_frozen_and_the_file_stays_the_same_to_the_byte(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = await sign(shop)
    reward, other = await shop.reward(name="=1+1"), await shop.reward(name="＋x")
    await verified_paused(shop, reward, other)
    closed = (await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))).json()
    assert closed["contract"] == {
        "contract_id": contract, "number": "XX-2026-017", "payee_name": "东风便利店（个体）", "account_last4": ACCOUNT[-4:],
        "pay_within_days": 3,
    }
    assert len(closed["digest"]) == 64 and closed["head"]["day"][:7] == LAST_MONTH
    assert closed["pay_by"] is None
    confirmed = (await shop.post(shop.owner, path(shop, LAST_MONTH, "/confirm"))).json()
    assert await workday_after(shop, 2) <= date.fromisoformat(confirmed["pay_by"]) <= await workday_after(shop, 3)
    formats = ("csv", "xlsx", "pdf")
    before = [(await shop.get(shop.admin, path(shop, LAST_MONTH), format=kind)).content for kind in formats]
    rows = list(csv.reader(io.StringIO(before[0].decode("utf-8-sig"))))
    assert {row[2] for row in rows[1:3]} == {"'=1+1", "'＋x"} and ["收款账号", "", ACCOUNT, "", "", ""] in rows
    assert ["结算摘要", "", closed["digest"], "", "", ""] in rows and ["日链摘要", "", closed["head"]["head"], "", "", ""] in rows
    owners = (await shop.get(shop.owner, path(shop, LAST_MONTH), format="csv")).text
    assert ACCOUNT not in owners and f"尾号 {ACCOUNT[-4:]}" in owners
    assert (await shop.patch(shop.admin, f"/stores/{shop.id}", {"name": "改名便利店"})).status_code == 200
    await shop.patch(shop.admin, f"/rewards/{reward['id']}", {"name": "改名商品"})
    after = [(await shop.get(shop.admin, path(shop, LAST_MONTH), format=kind)).content for kind in formats]
    assert before == after
    shown = SettlementOut.model_validate(await month_of(shop, LAST_MONTH, shop.owner))
    once = [views_settlements.settlement_file(shown, kind, None).body for kind in formats]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 86_400)
    assert once == [views_settlements.settlement_file(shown, kind, None).body for kind in formats]


async def test_lists_and_months_agree_though_a_verification_came_while_its_month_was_closed(shop: Shop, county: County) -> None:
    await verified(shop, reward := await shop.reward(), 2, last_month=True)
    await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))
    straggler, ends = await verified(shop, reward), clock.day_start(clock.month_start(clock.today()))
    await shop.move(straggler["verification_id"], f"{(clock.now() - ends).total_seconds() + 300} seconds")
    await shop.sql("set constraints all immediate")
    async with as_owner(shop.session):
        await shop.sql("alter table settlement disable trigger user")
        await shop.sql("update settlement set closed_at = :at", at=ends + timedelta(minutes=1))
        await shop.sql("alter table settlement enable trigger user")
    months = [await month_of(shop, month) for month in (THIS_MONTH, LAST_MONTH)]
    assert [(one["count"], one["total_cents"]) for one in months] == [(1, 100), (1, 200)]
    listed = (await shop.get(shop.owner, f"/stores/{shop.id}/settlements")).json()["items"]
    for month, brief in zip(months, listed, strict=True):
        assert {name: month[name] for name in ("month", "status", "count", "total_cents")} == {
            name: brief[name] for name in ("month", "status", "count", "total_cents")
        }
        asked = {"area_id": str(county.root.id), "month": month["month"]}
        (of_area,) = (await shop.get(shop.admin, "/budgets/settlements", **asked)).json()["items"]
        assert (of_area["count"], of_area["total_cents"], of_area["status"]) == (brief["count"], brief["total_cents"], brief["status"])


async def verified_paused(shop: Shop, *rewards: dict[str, Any]) -> None:
    """Verified last month, though the contract is over by now: codes already sold are still taken. Bought before it ended."""
    async with as_owner(shop.session):
        await shop.sql("alter table store_contract disable trigger user")
        await shop.sql("update store_contract set ends_on = ends_on + 400")
    orders = [await shop.order(reward) for reward in rewards]
    for order in orders:
        done = await shop.verify(order["code"])
        days = (clock.today() - clock.month_start(clock.today())).days + 3
        await shop.move(done.json()["verification_id"], f"{days} days")
    async with as_owner(shop.session):
        await shop.sql("update store_contract set ends_on = ends_on - 400")
        await shop.sql("alter table store_contract enable trigger user")


async def workday_after(shop: Shop, days: int) -> date:
    """Day by day. Before the working hours of a working day, that day counts as the first of so many."""
    found = await shop.sql("select day, workday from calendar_day")
    known = {row[0]: row[1] for row in found}
    day = await queries_settlements.today(shop.session)
    while days:
        day += timedelta(days=1)
        days -= known.get(day, day.weekday() < 5)
    return day


async def test_holidays_do_not_count_and_the_last_day_ends_at_midnight(
    shop: Shop, run_job: Callable[..., Awaitable[None]]
) -> None:
    done = await verified(shop, await shop.reward(), last_month=True)
    off = "insert into calendar_day (day, workday, note, source) select d, false, '测试假日', 'notice' from generate_series({}) d"
    today = "(clock_timestamp() at time zone 'Asia/Shanghai')::date"
    await shop.sql(f"delete from calendar_day where day between {today} and {today} + 20")
    await shop.sql(off.format(f"{today} + 1, {today} + 9, interval '1 day'"))
    closed = (await shop.post(shop.admin, path(shop, LAST_MONTH, "/close"))).json()
    assert await workday_after(shop, 4) <= date.fromisoformat(closed["confirm_by"]) <= await workday_after(shop, 5)
    body = {"lines": [done["verification_id"]], "reason": "金额不对"}
    await shop.sql(f"update settlement set confirm_by = {today} - 1")
    assert (await month_of(shop, LAST_MONTH, shop.owner))["allowed"] == ["confirm"]
    assert code_of(await shop.post(shop.owner, path(shop, LAST_MONTH, "/dispute"), body)) == (409, "invalid_transition")
    await shop.sql(f"update settlement set confirm_by = {today}")
    assert (await month_of(shop, LAST_MONTH, shop.owner))["allowed"] == ["confirm", "dispute"]
    await run_job("settlement.silence")
    assert (await shop.post(shop.owner, path(shop, LAST_MONTH, "/dispute"), body)).json()["status"] == "disputed"

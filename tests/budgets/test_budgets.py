"""The budget ties out with the ledger's own accounts, before a count and after it, and wherever people have moved."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from app import clock
from app.auth.roles import Role, ScopeType
from app.budgets.workflow import Flows, forecast, last_months, rate
from app.db.base import new_id
from app.members import service as members_service
from app.points import ledger
from app.points import service as points_service
from app.points.models import Kind
from tests.redemptions.conftest import Shop, code_of
from tests.redemptions.test_settlements import LAST_MONTH, path, verified
from tests.support.county import County
from tests.support.people import Person

ACCOUNTS = "select account, coalesce(sum(amount), 0)::bigint from points_entry group by account"
Run = Callable[..., Awaitable[None]]


async def budget(shop: Shop, area_id: Any, who: Person | None = None) -> dict[str, Any]:
    answer = await shop.get(who or shop.admin, "/budgets", area_id=str(area_id))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def ties_out(shop: Shop, told: dict[str, Any]) -> None:
    """With every entry of the ledger, account by account."""
    books = dict(await shop.sql(ACCOUNTS))
    now, flows = told["now"], told["all"]
    assert (now["available"], now["held"], now["debt"]) == (
        books.get("available", 0), books.get("held", 0), -books.get("debt", 0),
    )
    assert flows["captured"] == books.get("redeemed", 0) and flows["expired"] == books.get("expired", 0)
    assert flows["issued"] == -books.get("issuance", 0) - books.get("adjustment", 0)
    assert flows["issued"] == flows["earned"] + flows["adjusted"] - flows["taken_back"]
    assert now["liability"] == now["available"] + now["held"] - now["debt"] == flows["issued"] - flows["captured"] - flows["expired"]
    assert now["liability_cents"] == 10 * now["liability"]


async def earn(shop: Shop, who: Person, county: County) -> UUID:
    award = await points_service.award(
        shop.session, member_id=who.id, rule="HAZARD_ACCEPTED", source_type="drill", source_id=new_id(), source_number=None,
        filed_at=clock.now(), area_path=county.community.path,
    )
    assert award.credited == 50
    line = await shop.sql("select id from points_transaction where member_id = :id and kind = 'earn'", id=who.id)
    return UUID(str(line[-1][0]))


async def year_of_points(shop: Shop, county: County, run_job: Run) -> Person:
    """Every kind of line: earned, by hand, taken back into debt, held, captured, undone, released, lapsed."""
    neighbour = await shop.people.member()
    await members_service.set_profile(shop.session, member_id=neighbour.id, real_name="王小明", area=county.community)
    line = await earn(shop, neighbour, county)
    await shop.give(shop.rider, 200)
    reward = await shop.reward()
    await verified(shop, reward, 3)
    undone = await verified(shop, reward)
    await shop.post(shop.clerk, f"/redemptions/{undone['redemption_id']}/undo", {"reason": "拿错"})
    cancelled, held = await shop.order(reward), await shop.order(reward, who=neighbour)
    await shop.post(shop.rider, f"/redemptions/{cancelled['id']}/cancel")
    await ledger.lock(shop.session, neighbour.id)
    await points_service.take_back(
        shop.session, neighbour.id, 50, kind=Kind.REVERSE, reference=ledger.Reference("points_clawback", new_id()),
        cause=ledger.Cause("clawed_back", reverses_id=line),
    )
    await shop.sql("update points_lot set expires_on = current_date - 2 where member_id = :id and amount = 100", id=shop.rider.id)
    await run_job("points.expire")
    assert held["points"] == 10
    return neighbour


async def test_the_budget_ties_out_with_the_ledger(shop: Shop, county: County, run_job: Run) -> None:
    neighbour = await year_of_points(shop, county, run_job)
    before = await budget(shop, county.root.id)
    await ties_out(shop, before)
    flows = before["all"]
    assert all(flows[name] > 0 for name in ("earned", "adjusted", "taken_back", "captured", "expired")) and before["now"]["debt"] > 0
    assert before["this_month"] == before["this_year"] == flows and before["months"][-1] == {"month": f"{clock.today():%Y-%m}", **flows}
    await run_job("budget.count")
    await run_job("budget.lapses")
    counted = await budget(shop, county.root.id)
    assert counted | {"forecast": None} == before | {"forecast": None}
    assert sum(one["points"] for one in counted["forecast"]["lapses"]) == counted["now"]["available"]
    kept = await shop.sql("select * from budget_month order by 1, 2")
    await run_job("budget.count")
    assert await shop.sql("select * from budget_month order by 1, 2") == kept and len(kept) == 2
    assert [(one["orders"], one["points"], one["cents"]) for one in counted["orders"]] == [(2, 20, 200)]
    # What comes after the count, and a person who moves away: the parts still are the whole.
    await earn(shop, shop.rider, county)
    here = await budget(shop, county.community.id)
    assert (here["all"]["earned"], here["now"]["held"]) == (50, 10)
    await members_service.set_profile(shop.session, member_id=neighbour.id, real_name="王小明", area=county.other_community)
    await ties_out(shop, await budget(shop, county.root.id))
    await run_job("budget.count")
    await ties_out(shop, await budget(shop, county.root.id))
    old, new = await budget(shop, county.community.id), await budget(shop, county.other_community.id)
    assert set(old["all"].values()) == {0} and new["all"] == here["all"] and new["now"] == here["now"] and new["orders"] == here["orders"]
    assert not await shop.sql("select 1 from budget_month where earned < 0 or captured < 0 or expired < 0")


async def test_counting_a_line_twice_would_be_seen(shop: Shop, county: County, run_job: Run) -> None:
    """The known-bad variant: a count that forgets up to where it came."""
    await year_of_points(shop, county, run_job)
    await run_job("budget.count")
    await shop.sql("update budget_member set version = version - 1")
    await run_job("budget.count")
    with pytest.raises(AssertionError):
        await ties_out(shop, await budget(shop, county.root.id))


async def test_months_of_the_areas_stores(shop: Shop, county: County, run_job: Run) -> None:
    reward = await shop.reward()
    both = await shop.reward(store_ids=[shop.other_id], settlement_cents=70)
    await verified(shop, reward, 2, last_month=True)
    order = await shop.order(both)
    done = await shop.verify(order["code"], store=shop.other_id, who=shop.other_clerk)
    days = (clock.today() - clock.month_start(clock.today())).days + 3
    await shop.move(done.json()["verification_id"], f"{days} days")
    await verified(shop, reward)
    second = await shop.people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    begun = "insert into calendar_day (day, workday, source) select d, {}, 'notice' from generate_series({}, {}, interval '1 day') d"
    today = "(clock_timestamp() at time zone 'Asia/Shanghai')::date"
    await shop.sql(f"delete from calendar_day where day between date_trunc('month', {today}) and {today}")
    await shop.sql(begun.format("false", f"date_trunc('month', {today})", f"{today} - 1"))
    for workday, told in (("false", 0), ("true", 2), ("true", 2)):  # before its first working day, on it, and run again
        await shop.sql(f"delete from calendar_day where day = {today}")
        await shop.sql(begun.format(workday, today, today))
        await run_job("budget.remind")
        heard = await shop.sql("select member_id, body from message where title = '商家结算待关账'")
        assert len(heard) == told
    assert {row[0] for row in heard} == {shop.admin.id, second.id} and "2 家商家共 2 个月份" in heard[0][1]
    made = await shop.post(second, path(shop, LAST_MONTH, "/corrections"), {"cents": -30, "reason": "多结"})
    await shop.post(shop.admin, path(shop, LAST_MONTH, f"/corrections/{made.json()['id']}/approve"))
    ask = {"area_id": str(county.root.id), "month": LAST_MONTH}
    listed = (await shop.get(second, "/budgets/settlements", **ask)).json()
    assert listed["totals"] == [{"status": "open", "stores": 2, "cents": 240}]
    assert [(one["store"]["id"], one["total_cents"], one["allowed"]) for one in listed["items"]] == [
        (shop.other_id, 70, ["close", "correct"]), (shop.id, 170, ["close", "correct"]),
    ]
    before = await budget(shop, county.root.id)
    stores = before["stores"]
    assert (stores["open"], stores["corrections_cents"], stores["owed_cents"]) == ({"months": 3, "cents": 370}, -30, 340)
    await shop.post(second, path(shop, LAST_MONTH, "/close"))
    await shop.post(shop.owner, path(shop, LAST_MONTH, "/confirm"))
    await shop.sql("update settlement set pay_by = pay_by - 60")
    stores = (await budget(shop, county.root.id))["stores"]
    assert (stores["confirmed"], stores["overdue_cents"], stores["settled_cents"]) == ({"months": 1, "cents": 170}, 170, 170)
    assert stores["owed_cents"] == 340 and stores["open"]["months"] == 2
    await shop.post(second, path(shop, LAST_MONTH, "/pay"), {"reference": "转账 1"})
    stores = (await budget(shop, county.root.id))["stores"]
    assert (stores["paid"]["cents"], stores["owed_cents"], stores["settled_cents"], stores["overdue_cents"]) == (170, 170, 170, 0)
    page = (await shop.get(second, "/budgets/settlements", limit=1, **ask)).json()
    rest = (await shop.get(second, "/budgets/settlements", limit=1, cursor=page["next_cursor"], **ask)).json()
    assert [one["status"] for one in page["items"] + rest["items"]] == ["open", "paid"] and rest["next_cursor"] is None
    paid = (await shop.get(second, "/budgets/settlements", status="paid", **ask)).json()
    assert [one["store"]["id"] for one in paid["items"]] == [shop.id] and len(paid["totals"]) == 2
    for person, answer in ((shop.owner, (403, "forbidden")), (shop.rider, (403, "forbidden"))):
        assert code_of(await shop.get(person, "/budgets", area_id=str(county.root.id))) == answer
    street = await shop.people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)])
    for where in ("/budgets", "/budgets/settlements"):
        assert code_of(await shop.get(street, where, **ask)) == (404, "not_found")
    assert (await budget(shop, county.other_community.id, street))["stores"]["owed_cents"] == 0


def test_what_will_probably_lapse() -> None:
    today = date(2026, 12, 1)
    lots = [(date(2027, 3, 31), 1000), (date(2028, 3, 31), 600)]
    assert [one.expected for one in forecast(lots, today=today, monthly=0)] == [1000, 600]
    near, far = forecast(lots, today=today, monthly=100)
    assert (near.expected, far.expected) == (1000 - round(100 * 120 / (365.25 / 12)), 0)
    assert [one.expected for one in forecast(lots, today=today, monthly=1e9)] == [0, 0] and forecast([], today=today, monthly=1) == []
    assert forecast([(today - timedelta(days=3), 5)], today=today, monthly=10)[0].expected == 5
    months = {date(2026, 10, 1): Flows(captured=300), date(2026, 11, 1): Flows(captured=100), date(2026, 12, 1): Flows(captured=999)}
    assert rate(months, today) == 200 and rate({}, today) == 0 and rate({date(2026, 12, 1): Flows(captured=9)}, today) == 0
    assert (last_months(today)[0], last_months(today)[-1], len(last_months(today))) == (date(2026, 1, 1), today, 12)

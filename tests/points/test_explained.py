"""Every line says in plain words why its points came or went, what of them lapses when, and what a debt took."""

from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.base import new_id
from app.db.session import AsyncSession
from app.points import ledger, service
from app.points.models import Kind, PointsLot, PointsText
from tests.points.banked import give, in_days
from tests.points.conftest import Cast, Earn
from tests.points.test_proposals import adjust, proof

API = "/api/v1"
TODAY = clock.today().strftime("%Y年%m月%d日")
NUMBER = "D20261122-000001"


async def lines(client: httpx.AsyncClient, cast: Cast, limit: int = 100) -> list[dict[str, Any]]:
    """Newest first."""
    answer = await client.get(f"{API}/points/me/entries", params={"limit": limit}, headers=cast.rider.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def take(session: AsyncSession, cast: Cast, points: int) -> None:
    await ledger.lock(session, cast.rider.id)
    await service.take_back(
        session, cast.rider.id, points, kind=Kind.ADJUST, reference=ledger.Reference("points_adjustment", new_id()),
        cause=ledger.Cause("adjusted"),
    )


async def decided(client: httpx.AsyncClient, cast: Cast, made: httpx.Response) -> None:
    assert made.status_code == 201, made.text
    path = f"{API}/points/{made.json()['type']}s/{made.json()['id']}/approve"
    assert (await client.post(path, headers=cast.second.headers)).status_code == 200


async def test_an_earning_names_rule_version_and_number(client, cast: Cast, earn: Earn) -> None:
    await earn(cast.rider.id)
    [line] = await lines(client, cast)
    assert line["reason"] == "上报已受理（上报 R20261122-000001），按积分规则第 1 版获得 10 分"
    assert line["expires"] == [{"amount": 10, "on": f"{clock.today().year + 1}-03-31"}] and line["debt_settled"] == 0
    assert (line["rule_code"], line["rule_version"], line["reference"]["type"]) == ("REPORT_ACCEPTED", 1, "report")


async def test_the_title_is_that_of_the_version(client, session, cast: Cast, earn: Earn) -> None:
    await earn(cast.rider.id)
    await session.exec(sa.text(
        "insert into points_rule (id, code, version, title, points, conditions)"
        " select gen_random_uuid(), code, 99, '新名称', 10, '{}' from points_rule where code = 'REPORT_ACCEPTED' and version = 1"
    ))
    await earn(cast.rider.id)
    assert [line["reason"].split("（")[0] for line in await lines(client, cast)] == ["新名称", "上报已受理"]


async def test_what_a_cap_withheld_is_said(client, cast: Cast, earn: Earn) -> None:
    for rule in ("HAZARD_ACCEPTED", "HAZARD_ACCEPTED", "HAZARD_ACCEPTED", "REPORT_ACCEPTED", "SUGGESTION_ADOPTED"):
        await earn(cast.rider.id, rule=rule)
    assert (await lines(client, cast))[0]["reason"].endswith("获得 40 分；另有 60 分未计入（当日各项积分合计已达 200 分上限）")


async def test_a_debt_that_was_settled(client, session, cast: Cast, earn: Earn) -> None:
    await take(session, cast, 4)
    await earn(cast.rider.id)
    earned, taken = await lines(client, cast)
    assert taken["reason"] == "人工调整，扣减 4 分；其中 4 分余额不足，记为欠分，由以后的积分抵扣"
    assert earned["reason"].endswith("获得 10 分；其中 4 分先抵扣欠分")
    assert (earned["debt_settled"], [part["amount"] for part in earned["expires"]]) == (4, [6])
    assert (taken["debt_settled"], taken["expires"]) == (0, [])


async def test_orders(client, session, cast: Cast, shops: list[UUID]) -> None:
    await give(session, cast.rider.id, 100)
    order = {"member_id": cast.rider.id, "redemption_id": new_id(), "number": NUMBER}
    at = {"actor_id": cast.admin.id, "store_id": shops[0], "month": clock.month_start(clock.today())}
    await service.hold(session, amount=30, **order)
    await service.capture(session, amount=30, **order, **at)
    await service.reverse_capture(session, amount=30, **order, **at)
    await take(session, cast, 75)
    await service.release(session, reason_code="redemption_cancelled", **order)
    await service.hold(session, amount=10, member_id=cast.rider.id, redemption_id=new_id(), number="D20261122-000002")
    found = await lines(client, cast)
    assert [line["reason"] for line in reversed(found)][1:] == [
        f"兑换单 {NUMBER} 已下单，冻结 30 分", f"兑换单 {NUMBER} 已核销，使用冻结的 30 分", f"兑换单 {NUMBER} 的核销已撤销，30 分恢复冻结",
        "人工调整，扣减 75 分；其中 5 分余额不足，记为欠分，由以后的积分抵扣", f"兑换单 {NUMBER} 已取消，退回 30 分；其中 5 分先抵扣欠分",
        "兑换单 D20261122-000002 已下单，冻结 10 分",
    ]
    assert [line["debt_settled"] for line in found] == [0, 5, 0, 0, 0, 0, 0]
    assert [line["expires"] for line in found][:-1] == [[]] * 6, "only the line that opened a lot says what it holds"
    assert [part["amount"] for part in found[-1]["expires"]] == [15]


async def test_an_order_that_ended_by_itself(client, session, cast: Cast) -> None:
    await give(session, cast.rider.id, 10)
    order = {"member_id": cast.rider.id, "redemption_id": new_id(), "number": NUMBER}
    await service.hold(session, amount=10, **order)
    await service.release(session, reason_code="redemption_expired", **order)
    assert (await lines(client, cast))[0]["reason"] == f"兑换单 {NUMBER} 已过期，退回 10 分"


async def test_what_lapsed_names_its_lots_and_their_day(client, session, cast: Cast) -> None:
    for points in (10, 5):
        await give(session, cast.rider.id, points, lapses_on=in_days(-3))
    await give(session, cast.rider.id, 2, lapses_on=in_days(-1))
    await service.expire(session, member_id=cast.rider.id, today=clock.today())
    later, sooner = (await lines(client, cast))[:2]
    assert sooner["reason"] == f"15 分已到期失效：{TODAY}获得的 2 批积分，最后可用日是 {in_days(-3):%Y年%m月%d日}"
    assert later["reason"] == f"2 分已到期失效：{TODAY}获得的 1 批积分，最后可用日是 {in_days(-1):%Y年%m月%d日}"
    assert (sooner["reference"]["number"], sooner["expires"]) == (in_days(-3).isoformat(), [])


async def test_a_lapse_of_an_earlier_release(client, session, cast: Cast) -> None:
    """Its number is the day on which it was written: what lapsed then could be spent until the day before."""
    line = await give(session, cast.rider.id, 10, lapses_on=in_days(-1))
    lot = (await session.exec(sa.select(col(PointsLot.id)).where(col(PointsLot.transaction_id) == line))).scalar_one()
    legs = [ledger.Leg(ledger.LedgerAccount.AVAILABLE, -10, lot), ledger.Leg(ledger.LedgerAccount.EXPIRED, 10)]
    await ledger.post(
        session, member_id=cast.rider.id, kind=Kind.EXPIRE, legs=legs, cause=ledger.Cause("lapsed"),
        reference=ledger.Reference("lapse", new_id(), clock.today().isoformat()), shifts=[ledger.Shift(lot, -10)],
    )
    assert (await lines(client, cast))[0]["reason"].endswith(f"最后可用日是 {in_days(-1):%Y年%m月%d日}")


async def test_a_change_by_hand_says_why(client, session, cast: Cast) -> None:
    """The maker's own words, as long as they are kept."""
    await decided(client, cast, await adjust(client, cast.admin, cast.rider.id, 50, reason="线下活动补记"))
    await decided(client, cast, await adjust(client, cast.admin, cast.rider.id, -20, reason="重复补记"))
    said = ["人工调整，扣减 20 分；说明：重复补记", "人工调整，增加 50 分；说明：线下活动补记"]
    assert [line["reason"] for line in await lines(client, cast)] == said
    await session.exec(sa.update(PointsText).values(text=None))
    assert [line["reason"] for line in await lines(client, cast)] == ["人工调整，扣减 20 分", "人工调整，增加 50 分"]


async def test_a_claw_back_names_the_line_that_it_took(client, session, cast: Cast, earn: Earn) -> None:
    await earn(cast.rider.id)
    [line] = await lines(client, cast)
    await service.hold(session, amount=7, member_id=cast.rider.id, redemption_id=new_id(), number=NUMBER)
    body = {"entry_id": line["id"], "reason": "照片不是现场", "upload_id": await proof(client, cast.admin)}
    await decided(client, cast, await client.post(f"{API}/points/clawbacks", json=body, headers=cast.admin.headers))
    why, debt, words = (await lines(client, cast))[0]["reason"].split("；")
    assert why == f"收回 {TODAY} 的一笔积分：上报已受理（上报 R20261122-000001），10 分"
    assert (debt, words) == ("其中 7 分余额不足，记为欠分，由以后的积分抵扣", "说明：照片不是现场")


async def test_a_page_costs_the_same_for_one_line_and_for_many(client, session, cast: Cast, earn: Earn, statements: list[str]) -> None:
    for points in range(1, 12):
        await give(session, cast.rider.id, points, lapses_on=in_days(-1) if points % 2 else None)
    await earn(cast.rider.id)
    await service.expire(session, member_id=cast.rider.id, today=clock.today())
    await session.flush()
    costs = []
    for limit in (1, 12):
        statements.clear()
        assert len(await lines(client, cast, limit)) == limit
        costs.append(len([one for one in statements if "points_" in one]))
    assert costs == [3, 3]


async def test_nobody_reads_another_ones(client, session, cast: Cast) -> None:
    await give(session, cast.rider.id, 10)
    answer = await client.get(f"{API}/points/me/entries", headers=cast.second.headers)
    assert answer.json()["items"] == []

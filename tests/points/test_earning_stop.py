"""A report that two people found false costs 50 points, never less; the third in 90 days stops the earning for 30."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.db.base import new_id
from app.db.session import AsyncSession
from app.points import service
from app.points.models import PointsProposal, PointsText
from app.points.models_conditions import PointsEarningStop
from tests.points.awarding import Loop, monday
from tests.points.conftest import Earn
from tests.points.test_confirmations import expect_judged, waiting
from tests.points.test_ledger import expect_balanced

UNTIL = clock.today() + timedelta(days=30)


async def stopped(loop: Loop) -> None:
    for _ in range(3):
        await loop.found_false((await loop.rejected())["id"])


async def over(session: AsyncSession) -> None:
    """Its last day was yesterday."""
    yesterday = clock.today() - timedelta(days=1)
    await session.exec(sa.update(PointsEarningStop).values(starts_on=yesterday, until=yesterday))


async def lines(loop: Loop) -> list[Any]:
    return await loop.items(loop.rider, "/me/entries")


async def test_a_rejection_alone_costs_nothing(loop: Loop) -> None:
    """Not even one for abuse: only people decide that a report was false."""
    await loop.rejected()
    assert await lines(loop) == []


async def test_it_costs_fifty_once_and_becomes_debt(session, loop: Loop, earn: Earn) -> None:
    await earn(loop.rider.id)
    report = await loop.rejected()
    decided = await loop.found_false(report["id"])
    assert (decided["points"], decided["outcome"], decided["member_id"]) == (-50, None, None)
    standing = await loop.get(loop.rider, "/me")
    assert (standing["available"], standing["debt"], standing["earning_stop"]) == (0, 40, None)
    line = (await lines(loop))[0]
    assert (line["kind"], line["amount"], line["rule_code"], line["rule_version"]) == ("adjust", -50, "FALSE_REPORT", 1)
    assert line["reference"]["number"] == report["number"]
    again = await loop.asked(loop.reviewers[1], report_id=report["id"], rule_code="FALSE_REPORT")
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    assert f"上报 {report['number']} 经核实为虚假，已扣减 50 积分" in (await loop.told(loop.rider))[0]
    await expect_balanced(session)


async def test_what_is_dropped_costs_nothing(loop: Loop) -> None:
    report = await loop.rejected()
    made = await loop.asked(loop.reviewers[0], report_id=report["id"], rule_code="FALSE_REPORT")
    await loop.does(loop.admins[0], f"/awards/{made.json()['id']}/reject")
    assert await lines(loop) == []


async def test_the_third_stops_the_earning(session, loop: Loop, earn: Earn) -> None:
    await earn(loop.rider.id)
    await stopped(loop)
    standing = await loop.get(loop.rider, "/me")
    assert standing["earning_stop"] == {"until": UNTIL.isoformat()}
    assert f"{UNTIL:%Y年%m月%d日}" in (await loop.told(loop.rider))[0]
    assert (standing["available"], standing["debt"]) == (0, 140)
    source = await earn(loop.rider.id)
    newest = (await loop.items(loop.rider, "/me/awards"))[0]
    assert (newest["status"], newest["credited"], newest["withheld"], newest["reason_code"]) == ("stopped", 0, 10, "earning_stop")
    assert newest["reason"]
    await over(session)
    assert (await loop.get(loop.rider, "/me"))["earning_stop"] is None
    await earn(loop.rider.id, source_id=source)
    assert (await loop.get(loop.rider, "/me"))["debt"] == 140, "what was withheld is not paid later"
    await earn(loop.rider.id)
    assert (await loop.get(loop.rider, "/me"))["debt"] == 130
    await expect_balanced(session)


async def test_a_report_is_accepted_as_ever_during_a_stop(session, loop: Loop) -> None:
    await stopped(loop)
    made = await loop.files()
    shown = await loop.scene.give(loop.reviewers[0], made["id"], "accept", {"note": "属实"})
    assert shown["status"] == "accepted"
    await expect_judged(session)


async def test_the_last_day_of_a_stop_belongs_to_it(session, loop: Loop, earn: Earn) -> None:
    await stopped(loop)
    await session.exec(sa.update(PointsEarningStop).values(starts_on=clock.today() - timedelta(days=30), until=clock.today()))
    await earn(loop.rider.id)
    assert (await loop.items(loop.rider, "/me/awards"))[0]["status"] == "stopped"


async def test_orders_go_on_during_a_stop(session, loop: Loop, earn: Earn) -> None:
    """What was earned before can be held, captured and released."""
    for _ in range(5):
        await earn(loop.rider.id)
    for days in range(1, 4):
        for _ in range(5):
            await earn(loop.rider.id, filed_at=clock.now() - timedelta(days=days))
    await stopped(loop)
    order = {"member_id": loop.rider.id, "redemption_id": new_id(), "number": "D20261122-000001"}
    await service.hold(session, amount=40, **order)
    await service.release(session, reason_code="redemption_cancelled", **order)
    assert (await loop.get(loop.rider, "/me"))["available"] == 50
    await expect_balanced(session)


async def test_those_of_more_than_ninety_days_ago_do_not_count(session, loop: Loop) -> None:
    for _ in range(2):
        await loop.found_false((await loop.rejected())["id"])
    await session.exec(sa.update(PointsProposal).values(decided_at=clock.now() - timedelta(days=91)))
    await loop.found_false((await loop.rejected())["id"])
    assert (await loop.get(loop.rider, "/me"))["earning_stop"] is None
    await loop.found_false((await loop.rejected())["id"])
    await loop.found_false((await loop.rejected())["id"])
    assert (await loop.get(loop.rider, "/me"))["earning_stop"] == {"until": UNTIL.isoformat()}


async def test_false_reports_of_others_do_not_count(loop: Loop, people) -> None:
    for _ in range(2):
        await loop.found_false((await loop.rejected())["id"])
    loop.rider = await people.member()
    await loop.found_false((await loop.rejected())["id"])
    assert (await loop.get(loop.rider, "/me"))["earning_stop"] is None


async def test_a_confirmation_during_a_stop_pays_nothing(session, loop: Loop) -> None:
    path = f"/confirmations/{await waiting(loop)}"
    await stopped(loop)
    confirmed = await loop.does(loop.reviewers[1], f"{path}/confirm")
    assert confirmed["status"] == "confirmed"
    newest = (await loop.items(loop.rider, "/me/awards"))[0]
    assert (newest["status"], newest["withheld"]) == ("stopped", 50)
    await expect_balanced(session)


async def test_a_stopped_member_waits_for_nobody(session, loop: Loop) -> None:
    """The stop comes before the second reviewer: there is nothing to confirm."""
    for days in range(3):
        await loop.hazard(monday() + timedelta(days=days))
    await stopped(loop)
    await loop.hazard(monday() + timedelta(days=3))
    assert await loop.items(loop.reviewers[1], "/confirmations") == []
    await expect_judged(session)


async def test_an_administrator_lifts_it_and_nothing_is_paid_after_all(session, loop: Loop, earn: Earn) -> None:
    await stopped(loop)
    source = await earn(loop.rider.id)
    (shown,) = await loop.items(loop.local, "/earning-stops")
    assert (shown["status"], shown["from"], shown["until"]) == ("running", clock.today().isoformat(), UNTIL.isoformat())
    assert shown["allowed"] == ["lift"] and str(loop.rider.id) not in str(shown)
    path = f"/earning-stops/{shown['id']}/lift"
    for stranger in (loop.rider, loop.reviewers[0], loop.elsewhere):
        assert await loop.refused(stranger, path, {"reason": "误判"}) == (404, "not_found")
        assert await loop.items(stranger, "/earning-stops") == []
    lifted = await loop.does(loop.local, path, {"reason": "其中一件经复核属实"})
    assert (lifted["status"], lifted["lift_reason"], lifted["allowed"]) == ("lifted", "其中一件经复核属实", [])
    assert await loop.refused(loop.local, path, {"reason": "误判"}) == (409, "invalid_transition")
    standing = await loop.get(loop.rider, "/me")
    assert (standing["earning_stop"], standing["debt"]) == (None, 150)
    await earn(loop.rider.id, source_id=source)
    assert (await loop.get(loop.rider, "/me"))["debt"] == 150
    await earn(loop.rider.id)
    assert (await loop.get(loop.rider, "/me"))["debt"] == 140
    assert "积分获取已恢复" in (await loop.told(loop.rider))[0]
    told = sa.select(col(AuditEvent.action)).where(col(AuditEvent.object_kind) == "points_earning_stop")
    events = await session.exec(told.order_by(col(AuditEvent.id)))
    assert list(events.scalars()) == ["points.stop_earning", "points.lift_earning_stop"]


async def test_nobody_lifts_their_own(loop: Loop) -> None:
    """An administrator of the community is the rider."""
    loop.rider = loop.local
    await stopped(loop)
    (shown,) = await loop.items(loop.local, "/earning-stops")
    assert shown["allowed"] == []
    assert await loop.refused(loop.local, f"/earning-stops/{shown['id']}/lift", {"reason": "误判"}) == (403, "forbidden")


async def test_one_that_is_over_is_not_lifted(session, loop: Loop) -> None:
    await stopped(loop)
    await over(session)
    (shown,) = await loop.items(loop.local, "/earning-stops")
    assert (shown["status"], shown["allowed"]) == ("over", [])
    assert await loop.refused(loop.local, f"/earning-stops/{shown['id']}/lift", {"reason": "误判"}) == (409, "invalid_transition")


async def test_the_copy_tells_it_and_the_erasure_empties_the_sentences(session, loop: Loop) -> None:
    await stopped(loop)
    (shown,) = await loop.items(loop.local, "/earning-stops")
    await loop.does(loop.local, f"/earning-stops/{shown['id']}/lift", {"reason": "其中一件经复核属实"})
    copy = (await loop.scene.client.get("/api/v1/members/me/export", headers=loop.rider.headers)).json()["data"]["points"]
    assert [one["until"] for one in copy["earning_stops"]] == [UNTIL.isoformat()]
    assert [one["points"] for one in copy["awards_by_people"]] == [-50, -50, -50]
    assert "其中一件经复核属实" in copy["texts"]
    await service.forget(session, member_id=loop.rider.id)
    left = await session.exec(sa.select(col(PointsText.text)).where(col(PointsText.member_id) == loop.rider.id))
    assert [text for text in left.scalars() if text] == []


@pytest.mark.parametrize("wrong", ["lifted_at = clock_timestamp()", "until = starts_on - 1"])
async def test_the_database_refuses_half_a_lifting(session, loop: Loop, wrong: str) -> None:
    await stopped(loop)
    with pytest.raises(sa.exc.DBAPIError, match="ck_points_earning_stop"):
        async with session.begin_nested():
            await session.exec(sa.text(f"update points_earning_stop set {wrong}"))

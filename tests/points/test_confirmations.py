"""A hazard more than three in a week is paid only after a second reviewer; the report itself is not held up."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from app import clock
from app.invariants.checks import CHECKS
from app.points import service, workflow_conditions
from app.points.models import PointsText
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation
from tests.points.awarding import Loop, monday
from tests.points.test_ledger import expect_balanced

JUDGED = [check for check in CHECKS if check.code in {"I5", "I5b", "I5c", "I12"}]


async def expect_judged(session) -> None:
    """Each accepted report was judged, in one of the two places."""
    await session.flush()
    for check in JUDGED:
        broken = (await (await session.connection()).execute(sa.text(check.sql))).all()
        assert not broken, f"{check.code} {check.means}: {broken}"


async def waiting(loop: Loop) -> str:
    """Three of a week are paid, the fourth waits; its confirmation's id."""
    for days in range(4):
        await loop.hazard(monday() + timedelta(days=days))
    (one,) = await loop.items(loop.reviewers[1], "/confirmations?status=pending")
    return str(one["id"])


async def test_the_fourth_of_a_week_waits_for_another_reviewer(session, loop: Loop) -> None:
    path = f"/confirmations/{await waiting(loop)}"
    assert await loop.scene.points(loop.rider) == 150
    (shown,) = await loop.items(loop.reviewers[1], "/confirmations")
    report = (await loop.scene.get(loop.rider, "/mine"))["items"][0]
    assert (report["status"], report["number"]) == ("accepted", shown["source"]["number"])
    assert (shown["status"], shown["points"], shown["allowed"]) == ("pending", 50, ["confirm", "refuse"])
    assert str(loop.rider.id) not in str(shown), "reviewers see the report, not whose it is"
    await expect_judged(session)
    confirmed = await loop.does(loop.reviewers[1], f"{path}/confirm")
    assert (confirmed["status"], confirmed["allowed"]) == ("confirmed", [])
    assert await loop.scene.points(loop.rider) == 200
    assert (await loop.told(loop.rider))[0].startswith("积分已确认：安全隐患已受理")
    assert await loop.refused(loop.reviewers[2], f"{path}/refuse", {"reason": "重复"}) == (409, "invalid_transition")
    await expect_judged(session)
    await expect_balanced(session)


async def test_who_may_not_confirm(loop: Loop) -> None:
    """Neither who accepted, nor whose it is, nor an official of another place or office."""
    path = f"/confirmations/{await waiting(loop)}"
    (own,) = await loop.items(loop.reviewers[0], "/confirmations")
    assert own["allowed"] == []
    assert await loop.refused(loop.reviewers[0], f"{path}/confirm") == (403, "forbidden")
    for stranger in (loop.rider, loop.elsewhere, loop.admins[0], loop.scene.worker):
        assert await loop.refused(stranger, f"{path}/confirm") == (404, "not_found")
        assert await loop.refused(stranger, f"{path}/refuse", {"reason": "重复"}) == (404, "not_found")
        assert await loop.items(stranger, "/confirmations") == []
    assert await loop.scene.points(loop.rider) == 150


async def test_a_reviewer_does_not_confirm_an_own_one(loop: Loop) -> None:
    """The rider is a reviewer of the place, too."""
    reviewer = loop.reviewers[2]
    loop.rider = reviewer
    path = f"/confirmations/{await waiting(loop)}"
    assert await loop.refused(reviewer, f"{path}/confirm") == (403, "forbidden")


async def test_a_refusal_says_why_and_stays(session, loop: Loop) -> None:
    path = f"/confirmations/{await waiting(loop)}"
    refused = await loop.does(loop.reviewers[1], f"{path}/refuse", {"reason": "与上一单为同一处隐患"})
    assert (refused["status"], refused["reason"]) == ("refused", "与上一单为同一处隐患")
    assert await loop.scene.points(loop.rider) == 150
    assert "与上一单为同一处隐患" in (await loop.told(loop.rider))[0]
    mine = (await loop.items(loop.rider, "/me/awards"))[0]
    assert (mine["status"], mine["credited"], mine["withheld"], mine["reason_code"]) == ("refused", 0, 50, "second_reviewer_refused")
    assert "与上一单为同一处隐患" in mine["reason"]
    again = await service.award(
        session, member_id=loop.rider.id, rule="HAZARD_ACCEPTED", source_type="report", source_id=mine["source"]["id"],
        source_number=None, filed_at=clock.now(), area_path=loop.scene.county.community.path,
    )
    assert (again.credited, again.reason) == (0, "second_reviewer_refused"), "asked again, it is not paid after all"
    await expect_judged(session)


async def test_the_next_week_begins_on_monday(loop: Loop) -> None:
    for days in (0, 1, 6, 7):
        await loop.hazard(monday() + timedelta(days=days))
    assert await loop.scene.points(loop.rider) == 200
    assert await loop.items(loop.reviewers[1], "/confirmations") == []


async def test_what_waits_counts_and_so_the_next_waits_too(loop: Loop) -> None:
    for days in (0, 1, 2, 3, 6):
        await loop.hazard(monday() + timedelta(days=days))
    assert len(await loop.items(loop.reviewers[1], "/confirmations?status=pending")) == 2
    assert await loop.scene.points(loop.rider) == 150


async def test_what_a_cap_keeps_back_does_not_wait(session, loop: Loop) -> None:
    """Three a day: the fourth of a day is over the cap, and there is nothing to confirm."""
    for _ in range(4):
        await loop.hazard(monday())
    assert await loop.items(loop.reviewers[1], "/confirmations") == []
    newest = (await loop.items(loop.rider, "/me/awards"))[0]
    assert (newest["status"], newest["reason_code"], newest["withheld"]) == ("capped", "day_cap", 50)
    await expect_judged(session)


async def test_a_confirmed_one_counts_against_the_caps_of_its_own_day(session, loop: Loop) -> None:
    """Four wait for one day that pays three: the last to be confirmed is over that day's cap, whatever today is."""
    for days in (0, 1, 2, 3, 3, 3, 3):
        await loop.hazard(monday() + timedelta(days=days))
    pending = await loop.items(loop.reviewers[1], "/confirmations?status=pending")
    assert len(pending) == 4
    for one in reversed(pending):
        await loop.does(loop.reviewers[1], f"/confirmations/{one['id']}/confirm")
    assert await loop.scene.points(loop.rider) == 300
    newest = (await loop.items(loop.rider, "/me/awards"))[0]
    assert (newest["status"], newest["reason_code"], newest["credited"]) == ("capped", "day_cap", 0)
    await expect_judged(session)
    await expect_balanced(session)


async def test_the_other_reviewers_hear_of_it(loop: Loop) -> None:
    await waiting(loop)
    assert any("第二位审核员" in told for told in await loop.told(loop.reviewers[1]))
    for who in (loop.reviewers[0], loop.elsewhere, loop.rider):
        assert not any("第二位审核员" in told for told in await loop.told(who))


async def test_the_sentence_goes_with_the_person(session, loop: Loop) -> None:
    path = f"/confirmations/{await waiting(loop)}"
    await loop.does(loop.reviewers[1], f"{path}/refuse", {"reason": "与上一单为同一处隐患"})
    await service.forget(session, member_id=loop.rider.id)
    left = await session.exec(sa.select(col(PointsText.text)).where(col(PointsText.member_id) == loop.rider.id))
    assert [text for text in left.scalars() if text] == []


@pytest.mark.parametrize("decider", ["first", "member"])
async def test_the_database_itself_refuses_the_same_hand(session, loop: Loop, decider: str) -> None:
    """The known-bad variant: a service that forgot to ask."""
    await waiting(loop)
    who = loop.reviewers[0].id if decider == "first" else loop.rider.id
    decided = {"status": ConfirmationStatus.CONFIRMED, "decided_by": who, "decided_at": sa.func.clock_timestamp()}
    with pytest.raises(DBAPIError, match=r"two_persons|not_for_oneself"):
        async with session.begin_nested():
            await session.exec(sa.update(PointsConfirmation).values(**decided))


async def test_a_forgotten_confirmation_is_seen(session, loop: Loop) -> None:
    """The known-bad variant of the invariant: a report whose wait is gone was never judged."""
    await waiting(loop)
    await expect_judged(session)
    await session.exec(sa.delete(PointsConfirmation))
    with pytest.raises(AssertionError, match="I5b"):
        await expect_judged(session)


@pytest.mark.parametrize(("conditions", "in_week", "needed"), [
    ({}, 99, False), ({"second_reviewer_above_per_week": 3}, 2, False), ({"second_reviewer_above_per_week": 3}, 3, True),
    ({"second_reviewer_above_per_week": 0}, 0, True),
])
def test_when_a_second_reviewer_is_needed(conditions: dict[str, int], in_week: int, needed: bool) -> None:
    assert workflow_conditions.needs_second_reviewer(conditions, in_week) is needed

"""What a check-in brings is the rule's word, and the answers and the message say it."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app.points.models import PointsAward
from tests.checkins.conftest import Room

PAID = {"credited": 50, "withheld": 0, "reason": None, "code": None}
ONCE = {"credited": 0, "withheld": 50, "reason": "同一社区每年只计一次积分", "code": "once_per_community_year"}


async def told(room: Room) -> list[str]:
    answer = await room.client.get("/api/v1/messages", headers=room.who["rider"].headers)
    return [one["body"] for one in answer.json()["items"] if "聘任编号" in one["body"]]


async def again(room: Room) -> dict[str, Any]:
    """Ends what there is, reports in once more, and is confirmed."""
    (open_one,) = [one for one in await mine(room) if one["status"] == "confirmed"]
    assert (await room.command(room.who["rider"], open_one, "end")).status_code == 200
    return await room.confirmed(room.who["rider"])


async def mine(room: Room) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await room.call("GET", room.who["rider"], "/checkins/mine")).json()["items"]
    return found


async def test_rider_and_reviewer_read_what_it_brought_and_why_not_more(room: Room) -> None:
    first = await room.confirmed(room.who["rider"])
    assert first["award"] == PAID and "您获得 50 积分。" in (await told(room))[0]
    second = await again(room)
    assert second["award"] == ONCE
    assert "本次积分未计入：同一社区每年只计一次积分。" in (await told(room))[0]
    assert [one["award"] for one in await mine(room)] == [ONCE, PAID]
    assert (await room.seen(room.who["admin"], first))["award"] is None, "of no concern to who only looks on"
    waiting = await room.report_in(room.who["other_rider"])
    assert waiting["award"] is None


async def test_a_rule_that_says_nothing_pays_each_time(room: Room) -> None:
    """No year is marked twice: the previous release looks for the mark."""
    platform = await room.people.console()
    free = {"points": 30, "conditions": {"once_per": None}}
    changed = await room.client.put("/api/v1/points/rules/COMMUNITY_CHECKIN", json=free, headers=platform.headers)
    assert changed.status_code == 200
    await room.confirmed(room.who["rider"])
    assert (await again(room))["award"] == PAID | {"credited": 30}


async def test_an_enterprise_has_no_award(room: Room) -> None:
    made = await room.report_in(room.who["contact"], kind="enterprise", enterprise_id=str(room.firm.id))
    done = (await room.command(room.who["reviewer"], made, "confirm")).json()
    assert done["award"] is None
    assert (await room.session.exec(sa.select(col(PointsAward.id)))).first() is None

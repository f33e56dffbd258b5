"""What people say against a list: within five working days, answered once by another person, a struck line is gone."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.members import service as members_service
from app.messages.models import Message
from app.points import service as points_service
from app.points.models import PointsText
from app.publicity import service
from app.publicity.models import PublicityLine, PublicityList, PublicityObjection
from app.publicity.workflow import Quarter
from tests.architecture.test_list_cost import cost
from tests.publicity.conftest import LAST, Room, path_of
from tests.support.people import Person

OBJECTIONS = f"{path_of()}/objections"


async def object_to(room: Room, who: Person, reason: str = "名单中有人未参加活动") -> str:
    made = await room.post(who, OBJECTIONS, {"reason": reason})
    assert made.status_code == 201, made.text
    assert made.json()["status"] == "received"
    return str(made.json()["id"])


async def answer(room: Room, who: Person, objection: str, *, upheld: bool = True, **more: Any) -> Any:
    return await room.post(who, f"{OBJECTIONS}/{objection}/answer", {"note": "经核实属实", "upheld": upheld} | more)


async def inbox(room: Room, who: Person) -> list[tuple[str, str]]:
    found = await room.session.exec(sa.select(Message).where(col(Message.member_id) == who.id).order_by(col(Message.id)))
    return [(message.title, message.body) for message in found.scalars().all()]


async def test_an_objection_needs_no_reading_before_it_and_only_a_member_makes_one(room: Room) -> None:
    await object_to(room, room.who["reader"])
    console = await room.people.console(grants=[(Role.AREA_ADMIN, ScopeType.AREA, room.county.root.id)])
    refused = await room.post(console, OBJECTIONS, {"reason": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    running = await room.post(room.who["reader"], f"{path_of(Quarter.of(clock.today()))}/objections", {"reason": "x"})
    assert running.status_code == 404
    assert (await room.post(room.who["reader"], OBJECTIONS, {"reason": ""})).status_code == 422


@pytest.mark.parametrize(("days", "status"), [(0, 201), (-1, 409)])
async def test_the_last_day_is_in_time_the_day_after_is_not(session, room: Room, days: int, status: int) -> None:
    await room.listed(room.who["reader"])
    last = clock.today() + timedelta(days=days)
    await session.exec(sa.update(PublicityList).values(objections_until=last))
    said = await room.post(room.who["reader"], OBJECTIONS, {"reason": "名单有误"})
    assert said.status_code == status, said.text
    if status == 409:
        assert (said.json()["code"], said.json()["objections_until"]) == ("conflict", last.isoformat())


async def test_who_administers_the_tenant_reads_them_under_an_alias(room: Room) -> None:
    first, second = await object_to(room, room.who["reader"], "甲"), await object_to(room, room.who["reader"], "乙")
    for name in ("street", "elsewhere", "reviewer", "reader"):
        refused = await room.get(room.who[name], OBJECTIONS)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found"), name
        assert (await answer(room, room.who[name], first)).status_code == 404, name
    items = (await room.get(room.who["admin"], OBJECTIONS)).json()["items"]
    assert [(one["id"], one["reason"], one["status"], one["allowed"]) for one in items] == [
        (second, "乙", "received", ["answer"]), (first, "甲", "received", ["answer"]),
    ]
    assert all(one["member"].startswith("小哥") and one["answer"] is None for one in items)
    assert (await answer(room, room.who["admin"], first, upheld=False)).status_code == 200
    left = (await room.get(room.who["admin"], OBJECTIONS, status="received")).json()["items"]
    assert [one["id"] for one in left] == [second]


async def test_an_upheld_objection_strikes_the_line_and_both_are_told(session, room: Room) -> None:
    kept, struck, reader = await room.rider("张三", 10), await room.rider("李四", 10), room.who["reader"]
    assert await room.listed(reader) == [("李*", 10), ("张*", 10)]
    made = await object_to(room, reader)
    stranger = await answer(room, room.who["admin"], made, member_id=str(reader.id))
    assert (stranger.status_code, stranger.json()["errors"][0]["loc"]) == (422, ["body", "member_id"])
    assert (await answer(room, room.who["admin"], made, upheld=False, member_id=str(struck.id))).status_code == 422
    done = await answer(room, room.who["admin"], made, member_id=str(struck.id))
    assert (done.status_code, done.json()["status"], done.json()["answer"], done.json()["allowed"]) == (200, "upheld", "经核实属实", [])
    assert await room.listed(reader) == [("张*", 10)]
    lines = (await room.get(room.who["admin"], f"{path_of()}/lines")).json()["items"]
    assert [(one["name"], one["struck_at"] is None) for one in lines] == [("李四", False), ("张三", True)]
    assert await inbox(room, reader) == [
        ("您的公示异议已有答复", f"您对{LAST.words}公示名单的异议经核实成立。经核实属实")
    ]
    assert [title for title, _ in await inbox(room, struck)] == ["公示名单有变动"] and await inbox(room, kept) == []
    again = await answer(room, room.who["second"], made, upheld=False)
    assert (again.status_code, again.json()["code"], again.json()["current_status"]) == (409, "invalid_transition", "upheld")
    second = await object_to(room, reader)
    gone = await answer(room, room.who["admin"], second, member_id=str(struck.id))
    assert gone.status_code == 422, "a line is struck once"
    trail = await session.exec(
        sa.select(AuditEvent).where(col(AuditEvent.action).in_(["publicity.object", "publicity.answer"])).order_by(col(AuditEvent.id))
    )
    told = [(event.action, event.actor_id, event.facts.get("member_id")) for event in trail.scalars().all()]
    assert told[:2] == [("publicity.object", reader.id, None), ("publicity.answer", room.who["admin"].id, str(struck.id))]


async def test_a_dismissed_objection_changes_nothing(room: Room) -> None:
    await room.rider("张三", 10)
    made = await object_to(room, room.who["reader"])
    assert (await answer(room, room.who["admin"], made, upheld=False)).json()["status"] == "dismissed"
    assert await room.listed(room.who["reader"]) == [("张*", 10)]
    assert (await inbox(room, room.who["reader"]))[0][1].startswith(f"您对{LAST.words}公示名单的异议经核实不成立。")


async def test_nobody_answers_oneself(room: Room) -> None:
    made = await object_to(room, room.who["admin"])
    own = await answer(room, room.who["admin"], made)
    assert (own.status_code, own.json()["code"]) == (403, "forbidden")
    assert (await room.get(room.who["admin"], OBJECTIONS)).json()["items"][0]["allowed"] == []
    assert (await answer(room, room.who["second"], made)).status_code == 200


async def test_an_objection_belongs_to_its_quarter(room: Room) -> None:
    made = await object_to(room, room.who["reader"])
    await room.listed(room.who["reader"], LAST.before)
    wrong = await room.post(
        room.who["admin"], f"{path_of(LAST.before)}/objections/{made}/answer", {"note": "x", "upheld": False}
    )
    unknown = await answer(room, room.who["admin"], str(uuid4()))
    assert (wrong.status_code, unknown.status_code) == (404, 404)


async def test_what_was_said_goes_with_who_said_it_and_with_whom_it_struck(session, room: Room) -> None:
    struck, reader = await room.rider("李四", 10), room.who["reader"]
    about, other = await object_to(room, reader, "李四未参加"), await object_to(room, reader, "别的")
    await answer(room, room.who["admin"], about, member_id=str(struck.id))
    await service.forget(session, member_id=struck.id)
    items = {one["id"]: one for one in (await room.get(room.who["admin"], OBJECTIONS)).json()["items"]}
    assert (items[about]["reason"], items[about]["answer"], items[other]["reason"]) == (None, None, "别的")
    await points_service.forget(session, member_id=reader.id)
    items = {one["id"]: one for one in (await room.get(room.who["admin"], OBJECTIONS)).json()["items"]}
    assert items[other]["reason"] is None and items[other]["status"] == "received"


async def test_what_the_release_before_took_in_finds_its_list(session, room: Room, run_job) -> None:
    reader = room.who["reader"]
    await members_service.set_profile(session, member_id=reader.id, area=room.county.community)
    text = PointsText(member_id=reader.id, text="早先的异议")
    session.add(text)
    await session.flush()
    await session.exec(
        sa.text(
            "insert into points_publicity_objection (id, year, quarter, member_id, text_id)"
            " values (:id, :year, :quarter, :who, :said)"
        ),
        params={"id": uuid4(), "year": LAST.year, "quarter": LAST.quarter, "who": reader.id, "said": text.id},
    )
    await run_job("publicity.publish")
    items = (await room.get(room.who["admin"], OBJECTIONS)).json()["items"]
    assert [(one["reason"], one["status"]) for one in items] == [("早先的异议", "received")]


@pytest.mark.parametrize(
    "values", [{"status": "upheld"}, {"answered_by": "member_id", "status": "dismissed"}, {"struck_at": "clock_timestamp()"}]
)
async def test_the_tables_refuse_halves(session, room: Room, values: dict[str, str]) -> None:
    rider = await room.rider("张三", 10)
    await object_to(room, rider)
    table = PublicityLine if "struck_at" in values else PublicityObjection
    sets = ", ".join(f"{name} = {value if name != 'status' else repr(value)}" for name, value in values.items())
    with pytest.raises(sa.exc.IntegrityError):
        await session.exec(sa.text(f"update {table.__tablename__} set {sets}"))


async def test_many_objections_cost_as_many_statements_as_one(client, room: Room, statements: list[str]) -> None:
    for _ in range(10):
        await object_to(room, await room.people.member())
    one, page = await cost(client, room.who["admin"], f"/points{OBJECTIONS}?limit=1", statements)
    ten, whole = await cost(client, room.who["admin"], f"/points{OBJECTIONS}?limit=10", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, 10) and one == ten

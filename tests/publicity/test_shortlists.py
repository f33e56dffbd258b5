"""A year's shortlist: a rule finds the candidates, no figure of theirs is shown, another person chooses."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area, Level
from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.messages.models import Message
from app.publicity import queries, service, workflow
from app.publicity.models import Shortlist, ShortlistCandidate
from tests.architecture.test_list_cost import cost
from tests.publicity.conftest import Room
from tests.support.people import Person

YEAR = clock.today().year - 1
MID = date(YEAR, 6, 15)
ADMIN_PATH = "/shortlists"


async def make(room: Room, who: str = "admin", **told: Any) -> dict[str, Any]:
    body = {"title": "年度最美骑士", "year": YEAR, "area_id": str(room.county.root.id), "min_points": 100} | told
    answer = await room.post(room.who[who], ADMIN_PATH, body)
    return {"status_code": answer.status_code, **answer.json()}


def names(shortlist: dict[str, Any]) -> list[str | None]:
    return [one["name"] for one in shortlist["candidates"]]


async def decide(room: Room, who: str, shortlist: dict[str, Any], *chosen: Person, **headers: str) -> Any:
    body = {"chosen": [str(one.id) for one in chosen], "note": "经评议会投票"}
    return await room.post(room.who[who], f"{ADMIN_PATH}/{shortlist['id']}/decide", body, **headers)


def test_what_a_list_of_a_year_can_look_at() -> None:
    assert workflow.counted_until(2025, date(2026, 3, 1)) == date(2025, 12, 31)
    assert workflow.counted_until(2026, date(2026, 3, 1)) == date(2026, 3, 1)


async def test_who_meets_the_rule_stands_on_it_without_a_figure(room: Room) -> None:
    await room.rider("张三", 100, on=MID)
    await room.rider("单雄信", 5_000, on=MID)
    await room.rider("李四", 60, 40, on=MID)
    await room.rider("王五", 99, on=MID)
    await room.rider("赵六", 900, on=MID, agrees=False)
    await room.rider("钱七", 900, on=date(YEAR - 1, 12, 31))
    await room.rider("孙八", 900, on=date(YEAR + 1, 1, 1))
    made = await make(room)
    assert (made["status_code"], made["status"], made["as_of"]) == (201, "open", f"{YEAR}-12-31")
    assert names(made) == ["李四", "单雄信", "张三"]
    facts = {"meets": True, "active_months": None, "no_false_reports": True}
    assert all(one["facts"] == facts and set(one) == {"member_id", "name", "chosen", "facts"} for one in made["candidates"])
    assert await room.session.scalar(sa.select(sa.func.count()).select_from(ShortlistCandidate)) == 3
    columns = {column.name for column in ShortlistCandidate.__table__.columns}
    assert columns == {"shortlist_id", "member_id", "chosen"}, "a figure would be something to rank by"


async def test_months_rules_false_reports_and_claw_backs(room: Room) -> None:
    steady, sudden = await room.rider("张三"), await room.rider("李四", 300, on=MID)
    for month in (1, 2, 3):
        await room.earn(steady, 50, date(YEAR, month, 28))
    assert names(await make(room, min_active_months=3)) == ["张三"]
    assert (await make(room, min_active_months=3))["candidates"][0]["facts"]["active_months"] is True
    learner = await room.rider("王五")
    await room.earn(learner, 200, MID, rule="LESSON_PASSED")
    assert names(await make(room)) == ["李四", "王五", "张三"]
    assert names(await make(room, rules=["LESSON_PASSED", "RESCUE"])) == ["王五"]
    await room.lied(sudden, MID)
    assert names(await make(room)) == ["王五", "张三"]
    assert names(await make(room, exclude_false_reports=False)) == ["李四", "王五", "张三"]
    line = await room.earn(await room.rider("赵六"), 150, MID)
    assert "赵六" in names(await make(room))
    owner = (await room.session.exec(sa.text("select member_id from points_transaction where id = :id"), params={"id": line})).scalar_one()
    await room.claw_back(Person(owner, {}, room.who["admin"].principal), line, 150, clock.today())
    assert "赵六" not in names(await make(room)), "taken back since, whenever"


async def test_a_running_year_says_until_when_it_looked(room: Room) -> None:
    await room.rider("张三", 100, on=clock.today())
    made = await make(room, year=clock.today().year)
    assert (made["as_of"], names(made)) == (clock.today().isoformat(), ["张三"])
    coming = await make(room, year=clock.today().year + 1)
    assert (coming["status_code"], coming["errors"][0]["loc"]) == (422, ["body", "year"])


async def test_only_those_of_the_area(room: Room) -> None:
    await room.rider("张三", 100, on=MID)
    await room.rider("李四", 100, on=MID, area=room.county.other_community)
    nowhere = await room.people.member(consents=("publicity",))
    await room.earn(nowhere, 100, MID)
    here = await make(room, area_id=str(room.county.community.id))
    assert (names(here), here["area"]["name"]) == (["张三"], "东风社区")
    assert names(await make(room)) == ["李四", "张三", None], "who has no work area counts in the tenant"


@pytest.mark.parametrize(
    "told",
    [
        {"rules": ["NO_SUCH_RULE"]}, {"rules": []}, {"min_points": 0}, {"min_active_months": 13}, {"year": 2019}, {"title": ""},
        {"order": "points"},
    ],
)
async def test_a_rule_that_is_none(room: Room, told: dict[str, Any]) -> None:
    assert (await make(room, **told))["status_code"] == 422


async def test_who_makes_one_and_who_reads_it(session, room: Room) -> None:
    await room.rider("张三", 100, on=MID)
    for name in ("street", "elsewhere", "reviewer", "reader"):
        refused = await make(room, name, area_id=str(room.county.street.id))
        assert (refused["status_code"], refused["code"]) == (403, "forbidden"), name
    assert (await make(room, area_id=str(uuid4())))["status_code"] == 404
    whole, of_street = await make(room), await make(room, area_id=str(room.county.street.id))
    shown = (await room.get(room.who["street"], ADMIN_PATH)).json()["items"]
    assert [one["id"] for one in shown] == [of_street["id"]] and "candidates" not in shown[0]
    assert (await room.get(room.who["elsewhere"], ADMIN_PATH)).json()["items"] == []
    read = (await room.get(room.who["street"], f"{ADMIN_PATH}/{of_street['id']}")).json()
    assert (names(read), read["allowed"]) == (["张三"], ["decide"])
    for name, one in (("street", whole), ("elsewhere", of_street), ("reviewer", whole), ("reader", whole)):
        assert (await room.get(room.who[name], f"{ADMIN_PATH}/{one['id']}")).status_code == 404, name
    for name in ("reviewer", "reader"):
        assert (await room.get(room.who[name], ADMIN_PATH)).status_code == 404, name
    trail = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "publicity.read_names"))
    assert [(event.actor_id, str(event.object_id)) for event in trail.scalars().all()] == [(room.who["street"].id, of_street["id"])]
    assert (await room.get(room.who["admin"], ADMIN_PATH, year=YEAR - 1)).json()["items"] == []


async def test_an_administrator_of_another_tenant_neither_makes_nor_reads_one(session, room: Room) -> None:
    area = Area(level=Level.COUNTY, code="370898", name="邻县", path="370898/")
    session.add(area)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.AREA, scope_id=area.id, area_path=area.path, name=area.name)
    room.who["neighbour"] = await room.people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, area.id)])
    made = await make(room)
    assert (await make(room, "neighbour"))["status_code"] == 403
    assert (await room.get(room.who["neighbour"], f"{ADMIN_PATH}/{made['id']}")).status_code == 404
    assert (await make(room, "neighbour", area_id=str(area.id)))["status_code"] == 201


async def test_another_person_decides_once(session, room: Room) -> None:
    chosen, other = await room.rider("张三", 100, on=MID), await room.rider("李四", 100, on=MID)
    made = await make(room)
    assert made["allowed"] == []
    own = await decide(room, "admin", made, chosen)
    assert (own.status_code, own.json()["code"]) == (403, "forbidden")
    stale = await decide(room, "second", made, chosen, **{"If-Match": '"7"'})
    assert (stale.status_code, stale.json()["version"]) == (412, 1)
    done = await decide(room, "second", made, chosen, **{"If-Match": '"1"'})
    assert (done.status_code, done.json()["status"], done.json()["version"], done.json()["note"]) == (200, "decided", 2, "经评议会投票")
    assert [(one["name"], one["chosen"]) for one in done.json()["candidates"]] == [("李四", False), ("张三", True)]
    again = await decide(room, "second", made, other)
    assert (again.status_code, again.json()["code"], again.json()["current_status"]) == (409, "invalid_transition", "decided")
    told = (await session.exec(sa.select(Message).where(col(Message.member_id).in_([chosen.id, other.id])))).scalars().all()
    assert [(message.member_id, message.body) for message in told] == [(chosen.id, "祝贺您入选“年度最美骑士”。")]


async def test_without_the_rule_the_table_still_refuses_one_person(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = await room.rider("张三", 100, on=MID)
    made = await make(room)
    monkeypatch.setattr(workflow, "require_decider", lambda principal, row, chosen: None)
    refused = await decide(room, "admin", made, chosen)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


async def test_whom_nobody_can_choose(room: Room) -> None:
    candidate, gone, stranger = await room.rider("张三", 100, on=MID), await room.rider("李四", 100, on=MID), await room.rider("王五")
    made = await make(room)
    await room.agrees(gone, "service")
    for one in (gone, stranger):
        refused = await decide(room, "second", made, candidate, one)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    await room.agrees(room.who["second"], "service", "publicity")
    await room.earn(room.who["second"], 100, MID)
    with_oneself = await make(room)
    assert len(with_oneself["candidates"]) == 2
    refused = await decide(room, "second", with_oneself, room.who["second"])
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await decide(room, "second", made)).status_code == 422
    assert (await decide(room, "elsewhere", made, candidate)).status_code == 404


async def test_a_withdrawal_or_an_erasure_removes_a_candidate(session, room: Room) -> None:
    stays, withdraws, leaves = [await room.rider(name, 100, on=MID) for name in ("张三", "李四", "王五")]
    made = await make(room)
    assert (await decide(room, "second", made, stays, withdraws, leaves)).status_code == 200
    await room.agrees(withdraws, "service")
    path = f"{ADMIN_PATH}/{made['id']}"
    shown = (await room.get(room.who["second"], path)).json()
    assert (names(shown), shown["note"]) == (["王五", "张三"], "经评议会投票")
    exported = await queries.export(session, member_id=leaves.id)
    assert [(one["title"], one["chosen"]) for one in exported["shortlists"]] == [("年度最美骑士", True)]
    await service.forget(session, member_id=leaves.id)
    shown = (await room.get(room.who["second"], path)).json()
    assert (names(shown), shown["note"]) == (["张三"], None), "the note may have been about the one who left"
    assert (await queries.export(session, member_id=leaves.id))["shortlists"] == []


async def test_it_is_frozen(room: Room) -> None:
    await room.rider("张三", 100, on=MID)
    made = await make(room)
    await room.rider("李四", 900, on=MID)
    assert names((await room.get(room.who["admin"], f"{ADMIN_PATH}/{made['id']}")).json()) == ["张三"]


async def test_the_table_knows_two_persons(session, room: Room) -> None:
    made = await make(room)
    with pytest.raises(sa.exc.IntegrityError, match="two_persons"):
        await session.exec(
            sa.update(Shortlist).where(col(Shortlist.id) == made["id"]).values(
                status="decided", decided_by=room.who["admin"].id, decided_at=sa.func.clock_timestamp()
            )
        )


async def test_many_cost_as_many_statements_as_one(client, room: Room, statements: list[str]) -> None:
    await room.rider("张三", 100, on=MID)
    small = await make(room)
    for number in range(9):
        await room.rider(f"李{number}", 100, on=MID + timedelta(days=number))
        await make(room)
    big = await make(room)
    admin = room.who["admin"]
    one, page = await cost(client, admin, f"/points{ADMIN_PATH}?limit=1", statements)
    ten, whole = await cost(client, admin, f"/points{ADMIN_PATH}?limit=10", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, 10) and one == ten
    few, short = await cost(client, admin, f"/points{ADMIN_PATH}/{small['id']}", statements)
    many, long = await cost(client, admin, f"/points{ADMIN_PATH}/{big['id']}", statements)
    assert (len(short["candidates"]), len(long["candidates"])) == (1, 10) and few == many

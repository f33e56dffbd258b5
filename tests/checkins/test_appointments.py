"""Further roles, renewals, revocation, what the database refuses, numbers of a day, reminders."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app import clock
from app.checkins.models import AppointedRole, Appointment, CheckIn
from app.db.base import new_id
from app.messages.models import Message
from tests.checkins.conftest import Room
from tests.support.owner import as_owner


def day(days: int) -> str:
    return (clock.today() + timedelta(days=days)).isoformat()


async def appoint(room: Room, done: dict[str, Any], role: str, **told: Any) -> Any:
    return await room.command(room.who["reviewer"], done, "appointments", {"role": role} | told)


async def test_several_roles_and_none_twice_at_once(room: Room) -> None:
    done = await room.confirmed(room.who["rider"], valid_until=day(99))
    assert (await appoint(room, done, "policy_speaker")).status_code == 201
    for told in ({}, {"valid_from": day(99)}, {"valid_from": day(0), "valid_until": day(0)}):
        twice = await appoint(room, done, "mobile_grid_member", **told)
        assert (twice.status_code, twice.json()["code"]) == (409, "already_exists"), told
    renewed = await appoint(room, done, "mobile_grid_member", valid_from=day(100))
    assert (renewed.status_code, renewed.json()["state"], renewed.json()["version"]) == (201, "not_yet", 1)
    seen = await room.seen(room.who["rider"], done)
    assert [one["role"] for one in seen["appointments"]] == ["mobile_grid_member", "policy_speaker", "mobile_grid_member"]
    assert seen["version"] == done["version"], "appointments have versions of their own"


@pytest.mark.parametrize("told", [
    {"valid_from": day(-1)}, {"valid_until": day(-1)}, {"valid_from": day(9), "valid_until": day(8)}, {"valid_until": day(3 * 366)},
    {"role": "committee_unit"},
])
async def test_terms_and_roles_that_cannot_be(room: Room, told: dict[str, Any]) -> None:
    made = await room.report_in(room.who["rider"])
    refused = await room.command(room.who["reviewer"], made, "confirm", told)
    assert refused.status_code == 422, refused.text
    assert (await room.seen(room.who["rider"], made))["status"] == "pending"


async def test_revoking(room: Room) -> None:
    done = await room.confirmed(room.who["rider"])
    path = f"appointments/{done['appointment']['id']}/revoke"
    for name, status in (("rider", 403), ("admin", 403), ("other_reviewer", 404), ("other_rider", 404)):
        assert (await room.command(room.who[name], done, path, {"reason": "不再履职"})).status_code == status, name
    assert (await room.command(room.who["reviewer"], done, path)).status_code == 422
    assert (await room.command(room.who["reviewer"], done, path, {"reason": "不再履职"}, **{"If-Match": '"9"'})).status_code == 412
    first = await room.command(room.who["reviewer"], done, path, {"reason": "不再履职"}, **{"If-Match": '"1"'})
    assert (first.status_code, first.json()["state"], first.json()["version"], first.json()["allowed"]) == (200, "revoked", 2, [])
    again = await room.command(room.who["reviewer"], done, path, {"reason": "不再履职"})
    assert (again.status_code, again.json()["current_status"]) == (409, "revoked")
    other = await room.confirmed(room.who["other_rider"])
    strange = f"appointments/{done['appointment']['id']}/revoke"
    assert (await room.command(room.who["reviewer"], other, strange, {"reason": "不再履职"})).status_code == 404


async def test_the_database_refuses_a_second_one_and_a_rewritten_one(room: Room) -> None:
    done = await room.confirmed(room.who["rider"])
    held = (await room.session.exec(sa.select(Appointment))).scalars().one()
    copy = {name: getattr(held, name) for name in ("checkin_id", "role", "valid_from", "valid_until", "appointed_by", "qrcode_id")}

    async def insert(**other: Any) -> None:
        async with room.session.begin_nested():
            row = copy | other
            await room.session.exec(sa.insert(Appointment).values(id=new_id(), number=f"Z{new_id().hex[-12:]}", version=1, **row))

    with pytest.raises(IntegrityError, match="the same role twice"):
        await insert(valid_from=held.valid_until, valid_until=held.valid_until)
    with pytest.raises(IntegrityError, match="ck_checkin_appointment_term"):
        await insert(role=AppointedRole.POLICY_SPEAKER, valid_until=held.valid_from + timedelta(days=3 * 366))
    await insert(valid_from=held.valid_until + timedelta(days=1), valid_until=held.valid_until + timedelta(days=1))
    for change in ({"number": "Z1"}, {"role": AppointedRole.POLICY_SPEAKER}, {"valid_until": held.valid_until + timedelta(days=1)}):
        with pytest.raises(IntegrityError, match="not rewritten"):
            async with room.session.begin_nested():
                await room.session.exec(sa.update(Appointment).where(col(Appointment.id) == held.id).values(**change))
    assert done["appointment"]["id"] == str(held.id)


async def numbers(room: Room, who: str, area_id: UUID, **query: Any) -> Any:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return await room.call("GET", room.who[who], f"/{area_id}/appointments?{asked}")


async def test_the_numbers_of_a_day(room: Room) -> None:
    here, there, county = room.county.community, room.county.other_community, room.county.root
    rider = room.who["rider"]
    first = await room.confirmed(rider)
    await appoint(room, first, "policy_speaker", valid_from=day(5))
    await room.confirmed(rider, there)
    leaving = await room.confirmed(room.who["other_rider"])
    made = await room.report_in(room.who["contact"], kind="enterprise", enterprise_id=str(room.firm.id))
    await room.command(room.who["reviewer"], made, "confirm")
    await room.report_in(await room.rider("王五"))
    await room.command(room.who["other_rider"], leaving, "end")
    page = (await numbers(room, "admin", county.id)).json()
    figures = page["figures"]
    assert {one["role"]: one["count"] for one in figures["roles"] if one["count"]} == {"mobile_grid_member": 2, "committee_unit": 1}
    assert len(figures["roles"]) == len(AppointedRole) and figures["roles"][0]["role_name"] == "移动微网格员"
    assert [(one["area"]["name"], one["riders"], one["enterprises"]) for one in figures["communities"]] == [
        (here.name, 1, 1), (there.name, 1, 0),
    ]
    assert (figures["riders"], figures["enterprises"], figures["on"]) == (2, 1, day(0))
    assert {one["holder"] for one in page["items"] if one["kind"] == "enterprise"} == {"迅达配送有限公司"}
    assert all(one["holder"].startswith("小哥") for one in page["items"] if one["kind"] == "member")
    later = (await numbers(room, "reviewer", here.id, on=day(5), role="policy_speaker")).json()
    assert [one["role"] for one in later["items"]] == ["policy_speaker"] and later["items"][0]["state"] == "not_yet"
    before = (await numbers(room, "admin", county.id, on=day(-1))).json()
    assert (before["items"], before["figures"]["riders"], before["figures"]["communities"]) == ([], 0, [])
    assert (await numbers(room, "reviewer", county.id)).status_code == 404, "beyond one's own area"


async def test_lists_filter_by_state_and_kind(room: Room) -> None:
    await room.confirmed(room.who["rider"])
    waiting = await room.report_in(room.who["other_rider"])
    firm = await room.report_in(room.who["contact"], kind="enterprise", enterprise_id=str(room.firm.id))
    here = f"/{room.county.street.id}/checkins"

    async def ids(query: str) -> list[str]:
        return [one["id"] for one in (await room.call("GET", room.who["street_reviewer"], f"{here}?{query}")).json()["items"]]

    assert await ids("status=pending") == [firm["id"], waiting["id"]]
    assert await ids("status=pending&kind=member") == [waiting["id"]]
    assert len(await ids("limit=2")) == 2 and len(await ids("")) == 3


async def told(room: Room, who: str) -> list[str]:
    found = await room.session.exec(
        sa.select(col(Message.title), col(Message.body)).where(
            col(Message.member_id) == room.who[who].id, sa.or_(col(Message.title).contains("即将"))
        )
    )
    return [f"{title}：{body}" for title, body in found.all()]


async def moved(room: Room, appointment: dict[str, Any], first: date, last: date) -> None:
    """As if it had been made long ago."""
    async with as_owner(room.session):
        await room.session.exec(sa.text("alter table checkin_appointment disable trigger checkin_appointment_keep"))
        await room.session.exec(
            sa.update(Appointment).where(col(Appointment.id) == UUID(appointment["id"])).values(valid_from=first, valid_until=last)
        )
        await room.session.exec(sa.text("alter table checkin_appointment enable trigger checkin_appointment_keep"))
    room.reread()


async def test_who_ends_soon_is_told_once_and_the_reviewers_hear_how_many(room: Room, run_job: Any) -> None:
    today = clock.today()
    long_ago, in_30 = today - timedelta(days=200), today + timedelta(days=30)
    rider = await room.confirmed(room.who["rider"])
    await moved(room, rider["appointment"], long_ago, in_30)
    made = await room.report_in(room.who["contact"], kind="enterprise", enterprise_id=str(room.firm.id))
    firm = (await room.command(room.who["reviewer"], made, "confirm")).json()
    await moved(room, firm["appointment"], long_ago, today)
    renewed = await room.confirmed(room.who["other_rider"])
    await moved(room, renewed["appointment"], long_ago, today + timedelta(days=10))
    await appoint(room, renewed, "mobile_grid_member", valid_from=day(11))
    far = await room.rider("王五")
    room.who["far"] = far
    await moved(room, (await room.confirmed(far))["appointment"], long_ago, in_30 + timedelta(days=1))
    short = await room.rider("赵六")
    room.who["short"] = short
    await moved(room, (await room.confirmed(short))["appointment"], today - timedelta(days=1), today + timedelta(days=20))
    for _ in range(2):
        await run_job("checkins.remind")
        for name in ("rider", "contact"):
            assert len(await told(room, name)) == 1, name
        for name in ("other_rider", "far", "short"):
            assert await told(room, name) == [], name
        for name in ("reviewer", "street_reviewer"):
            assert ["2 份" in one for one in await told(room, name)] == [True], name
    left = await room.session.exec(sa.select(sa.func.count()).select_from(CheckIn))
    assert left.scalar_one() == 5

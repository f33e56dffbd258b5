"""Reporting in, being confirmed, paid and appointed, leaving; who reads whose name; erasure."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.models import AccessGrant
from app.auth.roles import Role, ScopeType
from app.checkins import queries, service, workflow
from app.checkins.models import AppointedRole, Appointment, CheckIn, Kind, Stopped
from app.checkins.workflow import State
from app.db.base import new_id
from app.errors import ValidationFailed
from app.members import service as members_service
from app.messages.models import Message
from app.points.models import PointsAward
from tests.checkins.conftest import NAME, Room


async def messages(room: Room, who: str) -> list[str]:
    found = await room.session.exec(
        sa.select(col(Message.title)).where(col(Message.member_id) == room.who[who].id).order_by(col(Message.id))
    )
    return list(found.scalars().all())


async def audited(room: Room, action: str) -> list[AuditEvent]:
    found = await room.session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == action).order_by(col(AuditEvent.id)))
    return list(found.scalars().all())


async def test_a_rider_is_taken_in_appointed_and_paid(room: Room) -> None:
    rider, reviewer = room.who["rider"], room.who["reviewer"]
    made = await room.report_in(rider, role="policy_speaker", note="晚上七点后有空")
    assert (made["status"], made["appointment"], made["allowed"], made["enterprise"]) == ("pending", None, ["withdraw"], None)
    assert (made["wished_role"], made["area"]["name"], made["version"]) == ("policy_speaker", "东风社区", 1)
    assert made["person"] == {"name": NAME, "phone": f"{rider.phone[:3]}****{rider.phone[-4:]}"}
    assert await messages(room, "reviewer") == ["有小哥到社区报到，等待确认"]
    stale = await room.command(reviewer, made, "confirm", {}, **{"If-Match": '"7"'})
    assert stale.status_code == 412
    done = (await room.command(reviewer, made, "confirm", {}, **{"If-Match": '"1"'})).json()
    held = done["appointment"]
    assert (done["status"], done["version"], done["allowed"]) == ("confirmed", 2, ["appoint", "end"])
    assert (held["role"], held["role_name"], held["state"], held["allowed"]) == ("policy_speaker", "政策宣讲员", "valid", ["revoke"])
    assert held["number"].startswith("Z") and held["valid_from"] == clock.today().isoformat()
    assert held["valid_until"] == (workflow.years_later(clock.today(), 1) - timedelta(days=1)).isoformat()
    points = (await room.client.get("/api/v1/points/me", headers=rider.headers)).json()
    line = (await room.client.get("/api/v1/points/me/entries", headers=rider.headers)).json()["items"]
    assert points["available"] == 50
    assert [(one["rule_code"], one["reason"].partition("（")[0], one["reference"]) for one in line] == [
        ("COMMUNITY_CHECKIN", "双报到已确认", {"type": "checkin", "id": made["id"], "number": held["number"]})
    ]
    assert await messages(room, "rider") == ["社区已聘任您为政策宣讲员"]
    mine = (await room.call("GET", rider, "/checkins/mine")).json()["items"]
    assert [one["id"] for one in mine] == [made["id"]] and mine[0]["allowed"] == ["end"]


async def test_an_appointment_gives_no_right(room: Room) -> None:
    await room.confirmed(room.who["rider"], role="special_grid_worker")
    other = await room.report_in(room.who["other_rider"])
    assert (await room.command(room.who["rider"], other, "confirm")).status_code == 404
    assert (await room.call("GET", room.who["rider"], f"/{room.county.community.id}/checkins")).status_code == 404


async def test_an_enterprise_reports_in_by_its_contact(room: Room) -> None:
    contact, firm = room.who["contact"], str(room.firm.id)
    told = {"kind": "enterprise", "enterprise_id": firm}
    for who, status in (("rider", 403), ("admin", 403)):
        refused = await room.call("POST", room.who[who], f"/{room.county.community.id}/checkins", told)
        assert refused.status_code == status
    unknown = await room.call("POST", contact, f"/{room.county.community.id}/checkins", told | {"enterprise_id": str(new_id())})
    assert unknown.status_code == 404
    made = await room.report_in(contact, **told)
    assert made["enterprise"] == {"id": firm, "name": "迅达配送有限公司"} and made["person"] is None
    done = (await room.command(room.who["reviewer"], made, "confirm")).json()
    assert done["appointment"]["role_name"] == "兼职委员单位"
    wrong = await room.command(room.who["reviewer"], made, "appointments", {"role": "policy_speaker"})
    assert wrong.status_code == 422
    assert await messages(room, "contact") == ["社区已聘任您为兼职委员单位"]
    paid = await room.session.exec(sa.select(sa.func.count()).select_from(PointsAward))
    assert paid.scalar_one() == 0, "points are for riders"
    second = await room.people.member(grants=[(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, room.firm.id)])
    assert [one["id"] for one in (await room.call("GET", second, "/checkins/mine")).json()["items"]] == [made["id"]]
    assert (await room.command(second, made, "end")).json()["status"] == "ended"


@pytest.mark.parametrize(("told", "who", "status"), [
    ({"kind": "member", "enterprise_id": str(new_id())}, "rider", 422),
    ({"kind": "enterprise"}, "contact", 422),
    ({"kind": "member", "role": "committee_unit"}, "rider", 422),
    ({"kind": "member", "points": 1}, "rider", 422),
    ({"kind": "member"}, "nameless", 422),
    ({"kind": "member"}, "phoneless", 403),
    ({"kind": "member"}, "unasked", 403),
    ({"kind": "member"}, "console", 403),
])
async def test_who_cannot_report_in(room: Room, told: dict[str, Any], who: str, status: int) -> None:
    room.who["nameless"] = await room.rider(None)
    room.who["phoneless"] = await room.rider(phone=None)
    room.who["unasked"] = await room.rider(consents=())
    room.who["console"] = await room.people.console()
    answer = await room.call("POST", room.who[who], f"/{room.county.community.id}/checkins", told)
    assert answer.status_code == status, answer.text
    if who == "nameless":
        assert "双找登记" in answer.json()["errors"][0]["msg"]


@pytest.mark.parametrize("level", ["root", "street", "grid"])
async def test_only_communities_are_reported_in_to(room: Room, level: str) -> None:
    area = getattr(room.county, level)
    answer = await room.call("POST", room.who["rider"], f"/{area.id}/checkins", {"kind": "member"})
    assert answer.status_code == 422 and "社区" in answer.json()["errors"][0]["msg"]


async def test_one_open_check_in_for_each_community(room: Room) -> None:
    rider, here = room.who["rider"], f"/{room.county.community.id}/checkins"
    first = await room.report_in(rider)
    again = await room.call("POST", rider, here, {"kind": "member"})
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    await room.report_in(rider, room.county.other_community)
    assert (await room.command(rider, first, "withdraw")).json()["status"] == "withdrawn"
    await room.report_in(rider)


async def test_nobody_decides_about_oneself_or_ones_enterprise(room: Room) -> None:
    over = [(Role.REVIEWER, ScopeType.AREA, room.county.street.id)]
    oneself = await room.rider(grants=over)
    own = await room.report_in(oneself)
    both = await room.people.member(grants=[*over, (Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, room.firm.id)])
    firms = await room.report_in(room.who["contact"], kind="enterprise", enterprise_id=str(room.firm.id))
    for who, made in ((oneself, own), (both, firms)):
        for command, body in (("confirm", {}), ("reject", {"reason": "不行"})):
            assert (await room.command(who, made, command, body)).status_code == 403
        assert (await room.seen(who, made))["allowed"] == ["withdraw"]
    await room.session.exec(
        sa.update(AccessGrant)
        .where(col(AccessGrant.account_id) == room.who["contact"].id)
        .values(role=Role.REVIEWER, scope_type=ScopeType.AREA, scope_id=room.county.street.id)
    )
    assert (await room.command(room.who["contact"], firms, "confirm")).status_code == 403, "who filed it, contact or not any more"
    assert (await room.command(oneself, firms, "confirm")).status_code == 200, "the same office decides about others"


async def test_a_name_is_read_by_the_reviewer_only_and_every_reading_is_noted(room: Room) -> None:
    rider, here = room.who["rider"], f"/{room.county.community.id}/checkins"
    made = await room.report_in(rider, note="晚上七点后有空")
    seen = await room.seen(room.who["reviewer"], made)
    assert (seen["person"]["name"], seen["note"]) == (NAME, "晚上七点后有空") and "****" in seen["person"]["phone"]
    page = (await room.call("GET", room.who["street_reviewer"], here)).json()["items"]
    assert page[0]["person"]["name"] == NAME
    reads = await audited(room, "checkins.read_person")
    assert [(one.actor_id, one.object_id, one.facts) for one in reads] == [
        (room.who["reviewer"].id, UUID(made["id"]), {}),
        (room.who["street_reviewer"].id, None, {"ids": [made["id"]]}),
    ]
    for found in (await room.seen(room.who["admin"], made), (await room.call("GET", room.who["admin"], here)).json()["items"][0]):
        assert found["person"]["name"].startswith("小哥") and found["person"]["phone"] is None and found["note"] is None
        assert found["allowed"] == []
    await room.command(room.who["reviewer"], made, "reject", {"reason": "不在本社区活动"})
    after = await room.seen(room.who["reviewer"], made)
    assert after["person"]["name"].startswith("小哥"), "no longer than it is open"
    assert (await room.seen(rider, made))["reason"] == "不在本社区活动"
    assert len(await audited(room, "checkins.read_person")) == 2, "an alias is nobody's reading"
    told = await room.session.exec(sa.select(Message))
    assert not any(NAME in one.title + one.body or "不在本社区活动" in one.body for one in told.scalars().all())


async def test_a_reviewer_who_ends_it_says_why(room: Room) -> None:
    done = await room.confirmed(room.who["rider"])
    assert (await room.command(room.who["reviewer"], done, "end")).status_code == 422
    ended = (await room.command(room.who["reviewer"], done, "end", {"reason": "长期失联"})).json()
    assert (ended["status"], ended["appointment"], ended["appointments"][0]["state"]) == ("ended", None, "ended")
    assert (await messages(room, "rider"))[-1] == "您的双报到已结束"


async def award_rows(room: Room) -> list[tuple[str, int, int]]:
    """(check-in, local year of its filing, points)."""
    found = await room.session.exec(
        sa.select(col(PointsAward.source_id), col(PointsAward.filed_on), col(PointsAward.credited))
        .where(col(PointsAward.member_id) == room.who["rider"].id, col(PointsAward.rule_code) == "COMMUNITY_CHECKIN")
        .order_by(col(PointsAward.id))
    )
    return [(str(source), on.year, credited) for source, on, credited in found.all()]


async def filed(room: Room, at: datetime) -> dict[str, Any]:
    """A rider's check-in, filed at another instant, confirmed now."""
    made = await room.report_in(room.who["rider"])
    await room.session.exec(sa.update(CheckIn).where(col(CheckIn.id) == UUID(made["id"])).values(created_at=at))
    room.reread()
    done = await room.command(room.who["reviewer"], made, "confirm")
    assert done.status_code == 200, done.text
    return made


async def test_points_are_paid_once_a_community_and_local_year(room: Room) -> None:
    """A new year begins in Shanghai, eight hours before that of UTC; whoever ends and comes back is not paid again."""
    edge, made = datetime(2025, 12, 31, 16, 0, tzinfo=UTC), []
    for at in (edge - timedelta(hours=20), edge - timedelta(seconds=1), edge, edge + timedelta(hours=9)):
        made.append(await filed(room, at))
        assert (await room.command(room.who["rider"], made[-1], "end")).status_code == 200
    assert await award_rows(room) == [
        (one["id"], year, points) for one, year, points in zip(made, (2025, 2025, 2026, 2026), (50, 0, 50, 0), strict=True)
    ]
    await room.confirmed(room.who["rider"], room.county.other_community)
    assert (await award_rows(room))[-1][2] == 50, "another community pays too"


async def test_the_database_holds_the_rule_too(room: Room) -> None:
    """Code that forgot to look would be refused: the second payment of a year cannot even be written down."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    first = await filed(room, at)
    await room.command(room.who["rider"], first, "end")
    second = await filed(room, at)
    with pytest.raises(IntegrityError, match="uq_community_checkin_award"):
        async with room.session.begin_nested():
            await room.session.exec(sa.update(CheckIn).where(col(CheckIn.id) == UUID(second["id"])).values(award_year=2026))


async def test_an_erased_person_leaves_counts_and_no_words(room: Room) -> None:
    rider = room.who["rider"]
    done = await room.confirmed(rider, role="opinion_courier")
    waiting = await room.report_in(rider, room.county.other_community, note="周末有空")
    await room.command(room.who["reviewer"], done, "appointments", {"role": "policy_speaker"})
    revoked = (await room.seen(rider, done))["appointments"][0]
    await room.command(room.who["reviewer"], done, f"appointments/{revoked['id']}/revoke", {"reason": "讲错政策"})
    copy = await queries.export(room.session, member_id=rider.id)
    assert [one["note"] for one in copy["checkins"]] == [None, "周末有空"]
    assert [one["reason"] for one in copy["checkins"][0]["appointments"]] == [None, "讲错政策"]
    await service.forget(room.session, member_id=rider.id)
    await members_service.forget(room.session, member_id=rider.id)
    room.reread()
    rows = (await room.session.exec(sa.select(CheckIn).order_by(col(CheckIn.id)))).scalars().all()
    assert [row.status.value for row in rows] == ["ended", "withdrawn"]
    assert not any(row.note_sealed or row.reason_sealed for row in rows)
    held = (await room.session.exec(sa.select(Appointment).order_by(col(Appointment.id)))).scalars().all()
    assert [one.stopped_as for one in held] == [Stopped.ENDED, Stopped.REVOKED] and not any(one.reason_sealed for one in held)
    assert (await room.seen(room.who["admin"], waiting))["person"]["name"] == "已注销用户"
    page = await room.client.get(f"/s/{done['appointment']['verify_url'].rpartition('/')[2]}")
    assert page.status_code == 200 and "已结束" in page.text and "欧阳" not in page.text
    await service.forget(room.session, member_id=rider.id)


async def test_an_erased_reviewers_words_go_and_the_rest_stays(room: Room) -> None:
    done = await room.confirmed(room.who["rider"])
    await room.command(room.who["reviewer"], done, "end", {"reason": "王审核员亲自核实"})
    await service.forget(room.session, member_id=room.who["reviewer"].id)
    room.reread()
    seen = await room.seen(room.who["rider"], done)
    assert (seen["status"], seen["reason"]) == ("ended", None)


async def test_a_page_costs_as_much_with_ten_rows_as_with_one(room: Room, statements: list[str]) -> None:
    for number in range(10):
        await room.confirmed(await room.rider(f"王{number}"))
    for path in ("checkins", "appointments"):
        costs = []
        for limit in (1, 10):
            statements.clear()
            page = await room.call("GET", room.who["reviewer"], f"/{room.county.community.id}/{path}?limit={limit}")
            assert len(page.json()["items"]) == limit
            costs.append(len(statements))
        assert costs[0] == costs[1], path


@pytest.mark.parametrize(("first", "last", "ok"), [
    (0, 364, True), (10, 10, True), (0, 3 * 365 - 1, True), (-1, 100, False), (5, 4, False), (0, 3 * 366, False),
])
def test_terms(first: int, last: int, ok: bool) -> None:
    today = datetime(2026, 11, 24).date()
    days = today + timedelta(days=first), today + timedelta(days=last)
    if ok:
        assert workflow.term(*days, today) == days
    else:
        with pytest.raises(ValidationFailed):
            workflow.term(*days, today)


def test_a_year_and_leap_days() -> None:
    leap = datetime(2028, 2, 29).date()
    assert workflow.term(None, None, leap) == (leap, datetime(2029, 2, 27).date())
    assert workflow.years_later(leap, 4) == datetime(2032, 2, 29).date()


def test_every_role_belongs_to_one_kind_and_has_a_name() -> None:
    assert sorted(role for kind in Kind for role in workflow.ROLES[kind]) == sorted(AppointedRole)
    assert set(workflow.ROLE_NAMES) == set(AppointedRole)


@pytest.mark.parametrize(("day", "stopped", "state"), [
    (-1, None, State.NOT_YET), (0, None, State.VALID), (9, None, State.VALID), (10, None, State.ENDED),
    (5, Stopped.REVOKED, State.REVOKED), (5, Stopped.ENDED, State.ENDED), (99, Stopped.REVOKED, State.REVOKED),
])
def test_states_follow_from_dates(day: int, stopped: Stopped | None, state: State) -> None:
    today = datetime(2026, 11, 24).date()
    held = Appointment(valid_from=today, valid_until=today + timedelta(days=9), stopped_as=stopped)
    assert workflow.state(held, today + timedelta(days=day)) is state

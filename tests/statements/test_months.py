"""What an employer reads: everybody in the totals, by name those who agree; what is taken back stands in the month in which it was."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.members import service as members_service
from tests.statements.conftest import API, FIRST, LAST, MADE, SECOND, THIS, Firm, make_enterprise, middle

NOW = clock.now


def told(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in ("status", "members", "members_listed", "points_total", "points_listed", "corrections")}


def lines(shown: dict[str, Any]) -> list[tuple[str, int, int, int]]:
    return [(line["name"], line["events"], line["points"], line["corrections"]) for line in shown["lines"]]


async def test_the_running_month_names_who_agrees_and_counts_everybody(firm: Firm) -> None:
    """In the order of the alphabet, which is that of nothing else here: neither points nor who came first."""
    first, second, third = await firm.rider("张三"), await firm.rider("欧阳一"), await firm.rider("陈二")
    silent, nameless = await firm.rider("李四", agrees=False), await firm.rider(None)
    for rider, points in ((first, 10), (first, 50), (second, 30), (third, 20), (silent, 7)):
        await firm.earns(rider, points, NOW())
    shown = await firm.shows(THIS)
    assert told(shown) == {
        "status": "open", "members": 5, "members_listed": 4, "points_total": 117, "points_listed": 110, "corrections": 0
    }
    *named, (alias, *nothing), last = lines(shown)
    assert (*named, last) == (("陈二", 1, 20, 0), ("欧阳一", 1, 30, 0), ("张三", 2, 60, 0))
    assert alias.startswith("小哥") and nothing == [0, 0, 0], "who gave no name is called as others call them"
    assert (shown["frozen_at"], shown["digest"], shown["enterprise"]) == (None, None, "顺风速递兖州站")
    text = (await firm.answer(THIS)).text
    assert "李四" not in text and str(silent.id) not in text
    riders = (first, second, third, nameless)
    assert not any(str(rider.phone)[-4:] in text for rider in riders), "no phone, not even masked: so the consent's text says"


async def test_an_ended_month_never_changes(firm: Firm) -> None:
    """Not by a claw-back, not by another name of the person or the firm, not by a relation that is told later."""
    rider, silent = await firm.rider("张三"), await firm.rider("李四", agrees=False)
    line = await firm.earns(rider, 30, middle(FIRST))
    await firm.earns(silent, 12, middle(FIRST))
    before, files = await firm.shows(FIRST), await firm.files(FIRST)
    assert told(before) == {
        "status": "final", "members": 2, "members_listed": 1, "points_total": 42, "points_listed": 30, "corrections": 0
    }
    assert before["frozen_at"] and len(before["digest"]) == 64
    await firm.clawed_back(rider, 30, NOW(), line=line)
    await members_service.set_profile(firm.session, member_id=rider.id, real_name="阿三")
    await firm.session.exec(sa.text("update enterprise set name = '改名速递'"))
    await firm.session.exec(sa.text("delete from employment where member_id = :id"), params={"id": silent.id})
    await firm.rider("王五")
    await firm.freeze()
    assert await firm.shows(FIRST) == before
    assert await firm.files(FIRST) == files
    assert await firm.wrong() == []


async def test_what_is_taken_back_later_stands_in_the_month_in_which_it_was(firm: Firm) -> None:
    rider = await firm.rider("张三")
    kept, wrong = await firm.earns(rider, 10, middle(FIRST)), await firm.earns(rider, 30, middle(FIRST))
    await firm.earns(rider, 20, middle(SECOND))
    await firm.clawed_back(rider, 30, middle(SECOND), line=wrong)
    await firm.clawed_back(rider, 10, NOW(), line=kept)
    assert lines(await firm.shows(FIRST)) == [("张三", 2, 40, 0)]
    assert lines(await firm.shows(SECOND)) == [("张三", 1, 20, -30)]
    assert told(await firm.shows(SECOND))["corrections"] == -30
    assert lines(await firm.shows(THIS)) == [("张三", 0, 0, -10)]


@pytest.mark.parametrize("month", [SECOND, THIS])
async def test_what_is_taken_back_in_the_same_month_was_never_told(firm: Firm, month: date) -> None:
    rider, at = await firm.rider("张三"), middle(month) if month < THIS else NOW()
    line = await firm.earns(rider, 30, at - timedelta(minutes=5))
    await firm.earns(rider, 10, at)
    await firm.clawed_back(rider, 30, at, line=line)
    assert lines(await firm.shows(month)) == [("张三", 1, 10, 0)]


async def test_a_false_report_is_a_correction_and_a_change_by_hand_is_none_of_the_employers_business(firm: Firm) -> None:
    rider = await firm.rider("张三")
    await firm.earns(rider, 100, middle(SECOND))
    await firm.punished(rider, middle(SECOND))
    await firm.adjusted(rider, 20, middle(SECOND))
    assert lines(await firm.shows(SECOND)) == [("张三", 1, 100, -50)]


async def test_a_correction_follows_the_statement_that_told_it(firm: Firm) -> None:
    """Who has left meanwhile: in the total, without a line. Who came meanwhile: what was told to another employer is not ours."""
    leaver = await firm.rider("张三", until=FIRST.replace(day=20))
    joiner = await firm.rider("李四", since=SECOND)
    told_here, told_elsewhere = await firm.earns(leaver, 30, middle(FIRST)), await firm.earns(joiner, 40, middle(FIRST))
    await firm.clawed_back(leaver, 30, middle(SECOND), line=told_here)
    await firm.clawed_back(joiner, 40, middle(SECOND), line=told_elsewhere)
    assert told(await firm.shows(FIRST)) == {
        "status": "final", "members": 1, "members_listed": 1, "points_total": 30, "points_listed": 30, "corrections": 0
    }
    shown = await firm.shows(SECOND)
    assert told(shown) == {
        "status": "final", "members": 1, "members_listed": 1, "points_total": 0, "points_listed": 0, "corrections": -30
    }
    assert lines(shown) == [("李四", 0, 0, 0)] and "张三" not in str(shown)
    assert await firm.wrong() == []


async def test_before_the_enterprise_was_entered_here_there_is_nothing(firm: Firm) -> None:
    rider = await firm.rider("张三", since=date(2020, 1, 1))
    before = clock.month_start(MADE - timedelta(days=1))
    await firm.earns(rider, 30, middle(before))
    shown = await firm.shows(before)
    assert told(shown) == {
        "status": "final", "members": 0, "members_listed": 0, "points_total": 0, "points_listed": 0, "corrections": 0
    }
    assert (shown["lines"], shown["frozen_at"], shown["digest"]) == ([], None, None)
    assert (await firm.answer(clock.next_month(THIS))).status_code == 404


async def test_who_reads(firm: Firm) -> None:
    """The contact, and administrators of an area above; each reading leaves a trace."""
    people, county = firm.people, firm.county
    other = await make_enterprise(firm.session, county, name="别家速递", uscc="91370882MA3C00001T", made=MADE)
    for grants, status in (
        ([(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, firm.id)], 200), ([(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)], 200),
        ([(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, other.id)], 404), ([(Role.REVIEWER, ScopeType.AREA, county.root.id)], 404),
        ([(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)], 404), ([], 404),
    ):
        who = await people.member(grants=grants)
        assert (await firm.answer(FIRST, who)).status_code == status
        listed = await firm.client.get(f"{API}/enterprises/{firm.id}/statements", headers=who.headers)
        assert listed.status_code == status
    found = await firm.session.exec(
        sa.select(AuditEvent.action, sa.func.count()).where(AuditEvent.object_id == firm.id).group_by(AuditEvent.action)
    )
    read = dict(found.all())
    assert (read["points.read_statement"], read["points.list_statements"]) == (2, 2)


async def test_the_list_of_months(firm: Firm) -> None:
    rider = await firm.rider("张三")
    await firm.earns(rider, 30, middle(FIRST))
    path, headers = f"{API}/enterprises/{firm.id}/statements", firm.contact.headers
    assert (await firm.client.get(path, headers=headers)).json() == {"items": [], "next_cursor": None}
    await firm.freeze()
    page = (await firm.client.get(f"{path}?limit=2", headers=headers)).json()
    rest = (await firm.client.get(f"{path}?cursor={page['next_cursor']}", headers=headers)).json()
    found = page["items"] + rest["items"]
    assert [one["month"] for one in found][-3:] == [f"{month:%Y-%m}" for month in (SECOND, FIRST, MADE)]
    whole = await firm.shows(FIRST)
    assert found[-2] == {
        name: whole[name] for name in ("month", "status", "frozen_at", "members", "points_total", "corrections", "digest")
    }
    assert rest["next_cursor"] is None and f"{THIS:%Y-%m}" not in [one["month"] for one in found]


async def test_the_files_say_the_same_and_add_up(firm: Firm) -> None:
    rider, silent = await firm.rider("=张三"), await firm.rider("李四", agrees=False)
    wrong = await firm.earns(rider, 30, middle(FIRST))
    for who, points in ((rider, 20), (silent, 12)):
        await firm.earns(who, points, middle(SECOND))
    await firm.clawed_back(rider, 30, middle(SECOND), line=wrong)
    files = await firm.files(SECOND)
    head, *rows = csv.reader(io.StringIO(files["csv"].decode("utf-8-sig"), newline=""))
    assert head == ["姓名", "获得积分次数", "获得积分", "更正以前月份"]
    assert rows == [["'=张三", "1", "20", "-30"], ["企业合计（共 2 人，列出 1 人）", "", "32", "-30"]]
    sheet = openpyxl.load_workbook(io.BytesIO(files["xlsx"])).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()][2][2:] == [32, -30]
    assert files["pdf"].startswith(b"%PDF")
    assert "李四".encode() not in files["csv"]


async def test_the_last_month_is_either(firm: Firm) -> None:
    """On the first of a month it is open until the bookings of its last minute must be there; after that it is final."""
    shown = await firm.shows(LAST)
    assert shown["status"] in ("open", "final") and (shown["digest"] is None) == (shown["status"] == "open")

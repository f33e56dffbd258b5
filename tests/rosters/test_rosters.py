"""Rosters as a job: 202 at once, worked through in chunks, told in figures; what is bad is told row by row; the lines do not stay."""

import csv
import io
from uuid import UUID

import openpyxl
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.registrations.models import Registration
from app.rosters import matching, queries, service, workflow
from app.rosters.models import Roster, RosterErrors, RosterLine, RosterRows
from app.security.models import ThrottleHit
from tests.rosters.conftest import HEAD, send, sheet


async def count(session, table) -> int:
    return int((await session.exec(sa.select(sa.func.count()).select_from(table))).scalar_one())


def text(*people: tuple[str, str]) -> str:
    return HEAD + "".join(f"{name},{phone},,\n" for name, phone in people)


def crowd(size: int, first: int = 0) -> list[tuple[str, str]]:
    return [(f"路人{number}", f"1370000{number:04d}") for number in range(first, first + size)]


async def test_an_enterprise_learns_how_many_and_nothing_stays(client, session, people, enterprise, contact, registered, work) -> None:
    one, two = await people.member(), await people.member()
    await registered(one, real_name="王小明")
    await registered(two, real_name="张三")
    data = text(("王小明", one.phone), ("李四", two.phone), *crowd(3)) + f"无号,123,,\n王 小明,{one.phone},,\n"
    sent = await send(client, contact, f"enterprises/{enterprise.id}", data)
    assert sent.status_code == 202, sent.text
    told = sent.json()
    assert (told["status"], told["total"], told["processed"], told["invalid"], told["duplicates"]) == ("queued", 5, 0, 1, 1)
    assert (told["registered"], told["not_registered"], told["match_rate"]) == (None, None, None)
    kept = (await session.exec(sa.select(RosterRows))).scalars().one()
    assert "王小明".encode() not in kept.sealed and one.phone.encode() not in kept.sealed
    await work()
    answer = await client.get(f"/api/v1/enterprises/{enterprise.id}/roster", headers=contact.headers)
    told = answer.json()
    assert (told["status"], told["processed"], told["registered"], told["not_registered"]) == ("matched", 5, 1, 4)
    assert told["match_rate"] == 0.2 and "王小明" not in answer.text
    assert (await count(session, RosterLine), await count(session, RosterRows)) == (0, 0)


BAD = {
    "no name": ",{phone},,\n", "overlong": "王" * 41 + ",{phone},,\n", "unprintable": "王\u200b,{phone},,\n", "no number": "王小明,,,\n",
    "landline": "王小明,02112345678,,\n", "bad day": "王小明,{phone},2026-02-30,\n", "too early": "王小明,{phone},1949-12-31,\n",
    "too late": "王小明,{phone},2999/1/1,\n", "long note": "王小明,{phone},," + "早" * 201 + "\n", "another's": "别人,13000000000,,\n",
}


async def test_of_5000_rows_exactly_the_50_bad_ones_are_told(client, branch, work) -> None:
    """Ten kinds of bad rows, five of each, scattered; empty lines and harmless repetitions between them."""
    kinds, bad, lines = list(BAD.values()), [], [HEAD]
    for number in range(5_000):
        if number % 1_000 == 999:
            lines.append("\n")
        phone = f"1300000{number:04d}"
        if number % 100 == 50:
            bad.append(len(lines) + 1)
            lines.append(kinds[len(bad) % len(kinds)].format(phone=phone))
        else:
            lines.append(f"员工{number},{phone},2026年3月1日,早班\n")
    lines.append("员工 0,13000000000,,\n")
    path = f"organisations/{branch.id}"
    sent = (await send(client, branch.secretary, path, "".join(lines))).json()
    assert (sent["total"], sent["invalid"], sent["duplicates"]) == (4_950, 50, 1)
    await work()
    told = (await client.get(f"/api/v1/{path}/roster", headers=branch.secretary.headers)).json()
    assert (told["status"], told["processed"], told["not_registered"], told["registered"]) == ("matched", 4_950, 4_950, 0)
    answer = await client.get(told["errors_url"], headers=branch.secretary.headers)
    head, *found = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert head == ["行号", "姓名", "列", "原因"] and [int(row[0]) for row in found] == bad and len(bad) == 50
    assert all(row[3] for row in found) and "王小明" not in answer.text and "13000" not in answer.text


async def test_errors_as_csv_xlsx_json_for_the_office_that_sent_the_file(client, session, people, enterprise, contact, work) -> None:
    data = sheet(["姓名", "手机号"], ["=HYPERLINK(1)", "12"], ["王小明", "13800138000"], [13800138000, None])
    sent = (await send(client, contact, f"enterprises/{enterprise.id}", data)).json()
    path = sent["errors_url"]
    as_json = (await client.get(path, params={"format": "json"}, headers=contact.headers)).json()
    assert [(row["row"], row["name"], row["column"]) for row in as_json["items"]] == [(2, "=*", "手机号"), (4, "1*", "手机号")]
    as_csv = await client.get(path, headers=contact.headers)
    assert as_csv.headers["content-type"].startswith("text/csv") and "2,'=*,手机号,不是有效的手机号" in as_csv.text
    as_xlsx = await client.get(path, params={"format": "xlsx"}, headers=contact.headers)
    cells = list(openpyxl.load_workbook(io.BytesIO(as_xlsx.content)).active.iter_rows(values_only=True))
    assert cells[1] == (2, "=*", "手机号", "不是有效的手机号") and len(cells) == 3
    assert (await client.get(path, params={"format": "pdf"}, headers=contact.headers)).status_code == 422
    kept = (await session.exec(sa.select(RosterErrors))).scalars().one()
    assert "手机号".encode() not in kept.sealed
    stranger = await people.member()
    assert (await client.get(path, headers=stranger.headers)).status_code == 404
    noted = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "rosters.errors"))
    assert len(noted.scalars().all()) == 3
    await session.exec(sa.update(Roster).values(created_at=sa.func.now() - sa.text("interval '31 days'")))
    await service.sweep(session)
    assert (await client.get(path, headers=contact.headers)).status_code == 404
    told = (await client.get(f"/api/v1/enterprises/{enterprise.id}/roster", headers=contact.headers)).json()
    assert (told["errors_url"], told["invalid"]) == (None, 2)


async def test_only_who_keeps_the_roster(client, people, county, enterprise, contact, branch) -> None:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    instructor = await people.member(grants=[(Role.INSTRUCTOR, ScopeType.ENTERPRISE, enterprise.id)])
    stranger, data = await people.member(), text(("王小明", "13800138000"), ("李四", "1"))
    expected = [(stranger, 404), (branch.secretary, 404), (instructor, 403), (contact, 202), (admin, 202)]
    for who, status in expected:
        assert (await send(client, who, f"enterprises/{enterprise.id}", data)).status_code == status
    expected = [(stranger, 404), (contact, 404), (branch.instructor, 403), (admin, 403), (branch.secretary, 202)]
    path = f"/api/v1/organisations/{branch.id}/roster"
    for who, status in expected:
        assert (await send(client, who, f"organisations/{branch.id}", data)).status_code == status
        for rest in ("", "/errors", "/candidates"):
            assert (await client.get(path + rest, headers=who.headers)).status_code == (200 if status == 202 else status), rest
        line = await client.post(
            f"{path}/candidates/{branch.id}/follow-up", json={"outcome": "contacted"}, headers=who.headers
        )
        again = await client.post(f"{path}/rematch", headers=who.headers)
        assert (line.status_code, again.status_code) == ((404, 409) if status == 202 else (status, status))


async def test_a_wrong_kind_of_file_is_told_before_anything_is_looked_up(client, people) -> None:
    stranger = await people.member()
    answer = await send(client, stranger, "enterprises/01933c5e-7a00-7000-8000-00000000dead", b"\x89PNG\r\n\x1a\n\x00")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_the_same_file_again_changes_nothing_but_the_roster(
    client, session, people, branch, registered, work, run_job, queued
) -> None:
    """While the first waits, while it is half done, and when it is done: the figures are the same, nobody stands there twice."""
    one = await people.member()
    await registered(one, real_name="王小明", scene=branch.scene)
    before = (await session.exec(sa.select(Registration.status, Registration.version))).all()
    data, path = text(("王小明", one.phone), *crowd(600)), f"organisations/{branch.id}"
    first = (await send(client, branch.secretary, path, data)).json()
    second = (await send(client, branch.secretary, path, data)).json()
    assert await matching.step(session, roster_id=UUID(second["id"])) is True
    third = (await send(client, branch.secretary, path, data)).json()
    await work()
    shown = [(await client.get(f"/api/v1/{path}/roster", headers=branch.secretary.headers)).json()]
    assert len({first["id"], second["id"], third["id"]}) == 3 and shown[0]["id"] == third["id"]
    fourth = (await send(client, branch.secretary, path, data)).json()
    await work()
    shown.append((await client.get(f"/api/v1/{path}/roster", headers=branch.secretary.headers)).json())
    assert shown[1]["id"] == fourth["id"]
    names = ("status", "total", "processed", "registered", "not_registered", "invalid", "duplicates")
    assert [[told[name] for name in names] for told in shown] == [["matched", 601, 601, 0, 601, 0, 0]] * 2
    assert (await count(session, RosterLine), await count(session, RosterRows)) == (601, 0)
    assert (await session.exec(sa.select(Registration.status, Registration.version))).all() == before


async def test_a_killed_workers_part_is_taken_up(client, session, database, people, enterprise, contact, registered, work, run_job) -> None:
    one, two = await people.member(), await people.member()
    await registered(one, real_name="王小明")
    await registered(two, real_name="张三")
    data = text(("王小明", one.phone), *crowd(1_100), ("张三", two.phone))
    sent = (await send(client, contact, f"enterprises/{enterprise.id}", data)).json()
    async with database.transaction() as working:
        await matching.step(working, roster_id=UUID(sent["id"]))
    path = f"/api/v1/enterprises/{enterprise.id}/roster"
    told = (await client.get(path, headers=contact.headers)).json()
    assert (told["status"], told["processed"], told["total"], told["registered"]) == ("running", 500, 1_102, None)
    await session.exec(sa.update(Roster).values(started_at=sa.func.now() - sa.text("interval '11 minutes'")))
    await run_job("rosters.tend")
    await work()
    await run_job("rosters.import", {"roster_id": sent["id"]})
    told = (await client.get(path, headers=contact.headers)).json()
    assert (told["status"], told["processed"], told["registered"], told["not_registered"]) == ("matched", 1_102, 2, 1_100)
    assert await count(session, RosterLine) == 0


async def test_a_job_that_fails_again_and_again_gives_up_and_keeps_nobody(
    client, session, branch, run_job, work, monkeypatch
) -> None:
    sent = (await send(client, branch.secretary, f"organisations/{branch.id}", text(*crowd(700), ("李四", "1")))).json()
    await matching.step(session, roster_id=UUID(sent["id"]))

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(queries, "accounts", broken)
        for _ in range(workflow.MOST_TRIES):
            with pytest.raises(RuntimeError):
                await run_job("rosters.import", {"roster_id": sent["id"]})
    path = f"/api/v1/organisations/{branch.id}/roster"
    told = (await client.get(path, headers=branch.secretary.headers)).json()
    assert (told["status"], told["registered"], told["items"]) == ("failed", None, [])
    assert (await count(session, RosterLine), await count(session, RosterRows), await count(session, RosterErrors)) == (0, 0, 1)
    await run_job("rosters.import", {"roster_id": sent["id"]})
    assert (await client.get(path, headers=branch.secretary.headers)).json()["status"] == "failed"
    assert (await client.post(f"{path}/rematch", headers=branch.secretary.headers)).status_code == 409
    await send(client, branch.secretary, f"organisations/{branch.id}", text(*crowd(5)))
    await work()
    assert (await client.get(path, headers=branch.secretary.headers)).json()["status"] == "matched"


async def test_people_do_not_wait_for_longer_than_a_day(client, session, branch, run_job) -> None:
    await send(client, branch.secretary, f"organisations/{branch.id}", text(*crowd(5)))
    await session.exec(sa.update(Roster).values(created_at=sa.func.now() - sa.text("interval '25 hours'")))
    await run_job("rosters.tend")
    told = (await client.get(f"/api/v1/organisations/{branch.id}/roster", headers=branch.secretary.headers)).json()
    assert told["status"] == "failed" and await count(session, RosterRows) == 0


async def test_twenty_uploads_a_day(client, session, branch) -> None:
    session.add_all([ThrottleHit(key=f"roster:{branch.id}") for _ in range(workflow.UPLOADS_A_DAY - 1)])
    await session.flush()
    answers = [await send(client, branch.secretary, f"organisations/{branch.id}", text(*crowd(1))) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 429] and workflow.UPLOADS_A_DAY == 20


async def test_a_roster_of_the_release_before_is_matched(client, session, people, branch, registered, work, run_job) -> None:
    """Its lines were written in the request, its job has the old name."""
    one = await people.member()
    await registered(one, real_name="王小明", scene=branch.scene)
    sent = (await send(client, branch.secretary, f"organisations/{branch.id}", text(("王小明", one.phone), *crowd(2)))).json()
    await work()
    await session.exec(sa.update(Roster).values(status="queued", matched_at=None, processed=0, registered=0))
    await session.exec(sa.update(RosterLine).values(member_id=None))
    await run_job("rosters.match", {"roster_id": sent["id"]})
    told = (await client.get(f"/api/v1/organisations/{branch.id}/roster", headers=branch.secretary.headers)).json()
    assert (told["status"], told["processed"], told["not_registered"]) == ("matched", 3, 3)
    assert {item["state"] for item in told["items"]} == {"undeclared", "not_registered"}

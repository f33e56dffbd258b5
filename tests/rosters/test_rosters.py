"""Rosters: read whatever they pretend to be, matched by name and phone, told in figures; the lines do not stay."""

import io
import zipfile

import openpyxl
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.enterprises.models import Enterprise, EnterpriseKind
from app.errors import UnsupportedMediaType, ValidationFailed
from app.rosters import files, service, workflow
from app.rosters.files import Person
from app.rosters.models import Roster, RosterLine
from tests.support.branches import CONSENTS, MEMBERSHIP

HEAD = "姓名,手机号,入职日期,备注\n"


def sheet(*rows) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture
async def enterprise(session, county):
    made = Enterprise(
        name="迅达配送有限公司", uscc="91370812MA3C4D5E69", kind=EnterpriseKind.FRANCHISE, area_id=county.root.id,
        area_path=county.root.path, tenant_id=county.root.id,
    )
    session.add(made)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ENTERPRISE, scope_id=made.id, area_path=made.area_path, name=made.name)
    return made


@pytest.fixture
async def contact(people, enterprise):
    return await people.member(grants=[(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, enterprise.id)])


async def send(client, who, path: str, data: bytes, **headers: str):
    return await client.post(f"/api/v1/{path}/roster", files={"file": ("roster.csv", data, "text/csv")}, headers=who.headers | headers)


async def lines(session) -> int:
    return int((await session.exec(sa.select(sa.func.count()).select_from(RosterLine))).scalar_one())


async def test_an_enterprise_learns_how_many_and_nothing_stays(
    client, session, people, enterprise, contact, registered, run_job, queued
) -> None:
    one, two, unregistered = await people.member(), await people.member(), await people.member()
    await registered(one, real_name="王小明")
    await registered(two, real_name="张三")
    text = HEAD + f"王小明,{one.phone},2026-01-02,早班\n李四,{two.phone},,\n赵六,{unregistered.phone},,\n无号,123,,\n重复,{one.phone},,\n"
    sent = await send(client, contact, f"enterprises/{enterprise.id}", text.encode("utf-8-sig"))
    assert sent.status_code == 202, sent.text
    assert (sent.json()["status"], sent.json()["total"], sent.json()["invalid"], sent.json()["registered"]) == ("queued", 3, 2, None)
    kept = (await session.exec(sa.select(RosterLine))).scalars().all()
    assert len(kept) == 3 and not any("王小明".encode() in line.sealed or one.phone.encode() in line.sealed for line in kept)
    job = next(found for found in await queued(session) if found[0] == "rosters.match")
    assert job[1] == {"roster_id": sent.json()["id"]}
    await run_job(*job)
    await run_job(*job)
    told = await client.get(f"/api/v1/enterprises/{enterprise.id}/roster", headers=contact.headers)
    assert (told.json()["status"], told.json()["registered"], told.json()["not_registered"]) == ("matched", 1, 2)
    assert await lines(session) == 0 and "王小明" not in told.text


async def test_a_secretary_sees_who_of_the_roster_is_missing(
    client, session, people, branch, other_branch, registered, run_job, queued
) -> None:
    here, elsewhere = await people.member(consents=CONSENTS), await people.member(consents=CONSENTS)
    await registered(here, real_name="王小明", scene=branch.scene, **MEMBERSHIP)
    await registered(elsewhere, real_name="张三", scene=other_branch.scene, **MEMBERSHIP)
    data = sheet(["name", "phone"], ["王 小明", int(here.phone)], ["张三", elsewhere.phone], ["=1+1", "13900000001"])
    sent = await send(client, branch.secretary, f"organisations/{branch.id}", data)
    assert (sent.status_code, sent.json()["total"]) == (202, 3)
    await run_job(*next(found for found in await queued(session) if found[0] == "rosters.match"))
    path = f"/api/v1/organisations/{branch.id}/roster"
    told = (await client.get(path, headers=branch.secretary.headers)).json()
    assert (told["registered"], told["not_registered"], told["next_cursor"]) == (1, 2, None)
    assert {(line["name"], line["registered"]) for line in told["items"]} == {("王 小明", True), ("张三", False), ("=1+1", False)}
    assert all("****" in line["phone"] for line in told["items"])
    noted = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "rosters.read"))
    assert len(noted.scalars().all()) == 1
    first = (await client.get(path, headers=branch.secretary.headers, params={"limit": 2})).json()
    rest = (await client.get(path, headers=branch.secretary.headers, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert (len(first["items"]), len(rest["items"])) == (2, 1)
    await service.forget(session, member_id=here.id)
    await service.forget(session, member_id=elsewhere.id)
    assert await lines(session) == 1
    await session.exec(sa.update(Roster).values(matched_at=sa.func.now() - sa.text("interval '31 days'")))
    await service.sweep(session)
    assert await lines(session) == 0


async def test_only_who_keeps_the_roster(client, people, county, enterprise, contact, branch) -> None:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    instructor = await people.member(grants=[(Role.INSTRUCTOR, ScopeType.ENTERPRISE, enterprise.id)])
    stranger, data = await people.member(), (HEAD + "王小明,13800138000,,\n").encode()
    expected = [(stranger, 404), (branch.secretary, 404), (instructor, 403), (contact, 202), (admin, 202)]
    for who, status in expected:
        assert (await send(client, who, f"enterprises/{enterprise.id}", data)).status_code == status
    expected = [(stranger, 404), (contact, 404), (branch.instructor, 403), (admin, 403), (branch.secretary, 202)]
    for who, status in expected:
        assert (await send(client, who, f"organisations/{branch.id}", data)).status_code == status
        shown = await client.get(f"/api/v1/organisations/{branch.id}/roster", headers=who.headers)
        assert shown.status_code == (200 if status == 202 else status)


async def test_a_newer_roster_replaces_the_lines_of_the_older(client, session, branch) -> None:
    for name in ("王小明", "张三"):
        data = (HEAD + f"{name},13800138000,,\n").encode("gb18030")
        assert (await send(client, branch.secretary, f"organisations/{branch.id}", data)).status_code == 202
    told = (await client.get(f"/api/v1/organisations/{branch.id}/roster", headers=branch.secretary.headers)).json()
    assert [line["name"] for line in told["items"]] == ["张三"] and await lines(session) == 1


def test_numbers_as_people_write_them() -> None:
    rows = sheet(
        ["备注", "手机号", "姓名"], ["", 13800138001.0, "甲"], ["", "+86 138-0013-8002", "乙"], ["", "１３８００１３８００３", "丙"],
        [None, None, None], ["", "13800138004", ""], ["", "02112345678", "丁"], ["", "13800138001", "戊"],
    )
    parsed = files.parse(rows)
    assert parsed.people == [Person("甲", "13800138001"), Person("乙", "13800138002"), Person("丙", "13800138003")]
    assert parsed.invalid == 3


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (files.UNPACKED_BYTES + 1))
    return out.getvalue()


def _not_a_book() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", UnsupportedMediaType), (b"\x89PNG\r\n\x1a\n\x00\x00", UnsupportedMediaType), (b"%PDF-1.7\x00", UnsupportedMediaType),
        (_not_a_book(), UnsupportedMediaType), ("姓名,电话\n王,1\n".encode(), ValidationFailed), (_bomb(), ValidationFailed),
        (sheet(["姓名", "手机号"])[:-40], ValidationFailed), (b"PK\x03\x04 and nothing else", ValidationFailed),
        ((HEAD + "".join(f"王,1380{n:07d},,\n" for n in range(files.MAX_LINES + 1))).encode(), ValidationFailed),
    ],
)
def test_files_that_are_no_rosters(data: bytes, refusal) -> None:
    with pytest.raises(refusal):
        files.parse(data)


async def test_a_wrong_kind_of_file_is_told_before_anything_is_looked_up(client, people) -> None:
    stranger = await people.member()
    answer = await send(client, stranger, "enterprises/01933c5e-7a00-7000-8000-00000000dead", b"\x89PNG\r\n\x1a\n\x00")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("王小明", " 王 小明", True), ("阿卜杜拉·买买提", "阿卜杜拉•买买提", True), ("Ｌｉ Ming", "li ming", True),
        ("王小明", "王小民", False),
    ],
)
def test_names_that_are_the_same(one: str, other: str, same: bool) -> None:
    assert workflow.same_name(one, other) is same

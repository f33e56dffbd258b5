"""The phone, profiles, work relations, areas and aliases."""

from datetime import date
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.errors import ValidationFailed
from app.members import queries, service
from app.members.models import Employment, Member
from app.members.schemas import EmployerIn

PHONE = "/api/v1/members/me/phone"


async def sign_in(client, simulator, person: str) -> dict[str, str]:
    answer = await client.post("/api/v1/auth/wechat", json={"code": await simulator.code(person)})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_the_phone_is_bound_once_and_shown_masked(client, simulator) -> None:
    rider = await sign_in(client, simulator, "张三")
    code = await simulator.phone_code("张三", "13800138001")
    bound = await client.post(PHONE, json={"code": code}, headers=rider)
    assert (bound.status_code, bound.json()) == (200, {"phone": "138****8001"})
    assert (await client.get("/api/v1/members/me", headers=rider)).json()["phone"] == "138****8001"
    again = await client.post(PHONE, json={"code": code}, headers=rider)
    assert (again.status_code, again.json()["code"]) == (401, "wechat_code_invalid")


async def test_a_number_belongs_to_one_person(client, simulator, people) -> None:
    await people.member(phone="13800138002")
    other = await sign_in(client, simulator, "李四")
    answer = await client.post(PHONE, json={"code": await simulator.phone_code("李四", "13800138002")}, headers=other)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")


async def test_a_code_of_someone_else_is_refused(client, simulator) -> None:
    thief = await sign_in(client, simulator, "王五")
    await sign_in(client, simulator, "赵六")
    answer = await client.post(PHONE, json={"code": await simulator.phone_code("赵六", "13800138003")}, headers=thief)
    assert (answer.status_code, answer.json()["code"]) == (401, "wechat_code_invalid")


async def test_names_are_sealed_and_leave_only_masked(people, session, county) -> None:
    rider = await people.member()
    await service.set_profile(session, member_id=rider.id, real_name="欧阳小明", occupation="courier", area=county.grid)
    assert await queries.real_name(session, member_id=rider.id) == "欧阳小明"
    assert await queries.masked_name(session, member_id=rider.id) == "欧阳*"
    assert await queries.area_of(session, member_id=rider.id) == (county.grid.id, county.grid.path)
    sealed = (await session.exec(sa.select(col(Member.real_name_sealed)).where(col(Member.id) == rider.id))).scalar_one()
    assert "欧阳小明".encode() not in sealed


async def test_without_an_area_the_tenant_counts(people, session, county) -> None:
    rider = await people.member()
    assert await queries.area_of(session, member_id=rider.id) == (county.root.id, county.root.path)


async def test_others_read_an_alias(people, session) -> None:
    rider, bare = await people.member(phone="13800138004"), await people.member(phone=None)
    await service.set_profile(session, member_id=rider.id, real_name="张三")
    names = await queries.aliases(session, [rider.id, bare.id])
    assert set(names) == {rider.id, bare.id} and "张" not in names[rider.id]
    assert await queries.alias_for_clerk(session, member_id=rider.id) == f"{names[rider.id]}（尾号04）"
    assert await queries.alias_for_clerk(session, member_id=bare.id) == names[bare.id]


async def test_work_relations_are_dated(people, session) -> None:
    rider = await people.member()
    first = [EmployerIn(name="老王货运", since=date(2026, 1, 1)), EmployerIn(name="闪送")]
    await service.set_employers(session, member_id=rider.id, employers=first)
    await service.set_employers(session, member_id=rider.id, employers=[EmployerIn(name="闪送", since=date(2026, 2, 1))])
    going_on = await queries.employments(session, member_id=rider.id)
    assert [(work.name, work.since) for work in going_on] == [("闪送", date(2026, 2, 1))]
    ended = await session.exec(sa.select(Employment).where(col(Employment.member_id) == rider.id, col(Employment.until).is_not(None)))
    assert [work.name for work in ended.scalars().all()] == ["老王货运"]


async def test_an_unknown_enterprise_is_refused(people, session) -> None:
    rider = await people.member()
    with pytest.raises(ValidationFailed):
        await service.set_employers(session, member_id=rider.id, employers=[EmployerIn(enterprise_id=uuid4())])


async def test_forgetting_empties_the_row(people, session, county) -> None:
    rider = await people.member()
    await service.set_profile(session, member_id=rider.id, real_name="张三", occupation="courier", area=county.grid)
    await service.set_employers(session, member_id=rider.id, employers=[EmployerIn(name="闪送")])
    for _ in range(2):
        await service.forget(session, member_id=rider.id)
    copy = await queries.export(session, member_id=rider.id)
    assert copy["employers"] == [] and not any(copy["profile"][name] for name in ("real_name", "nickname", "occupation", "area"))
    assert await queries.aliases(session, [rider.id]) == {rider.id: "已注销用户"}

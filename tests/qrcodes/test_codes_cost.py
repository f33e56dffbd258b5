"""A page of codes, or of invitations, costs as many statements with many rows as with one."""

from uuid import uuid4

from app.areas.geo import Crs
from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.organisations.models import Formation, Organisation, OrganisationKind
from app.qrcodes import service
from app.qrcodes.models import Purpose
from app.stores.models import Store

ROWS = 10
HOURS = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "08:00", "closes": "20:00"}]


async def cost(client, who, path, statements) -> tuple[int, list]:
    statements.clear()
    answer = await client.get(f"/api/v1{path}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return len(statements), answer.json()["items"]


async def organisation(session, area, name: str) -> Organisation:
    made = Organisation(name=name, kind=OrganisationKind.BRANCH, formation=Formation.INDEPENDENT, area_id=area.id, area_path=area.path)
    session.add(made)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ORGANISATION, scope_id=made.id, area_path=area.path, name=name)
    return made


async def test_codes_of_many_things(client, session, people, county, statements) -> None:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    for number in range(ROWS):
        made = await organisation(session, county.community, f"第{number}支部")
        await service.make(session, purpose=Purpose.REGISTRATION, target_id=made.id, title=None, issued_by=admin.id)
    await service.make(session, purpose=Purpose.REGISTRATION, target_id=uuid4(), title="已不存在", issued_by=admin.id)
    session.expunge_all()
    one, page = await cost(client, admin, "/qrcodes?limit=1", statements)
    session.expunge_all()
    many, whole = await cost(client, admin, f"/qrcodes?limit={ROWS + 1}", statements)
    assert (len(page), len(whole)) == (1, ROWS + 1)
    assert {row["target"]["name"] for row in whole[1:]} == {f"第{number}支部" for number in range(ROWS)}
    assert whole[0]["target"] is None and whole[0]["allowed"] == []
    assert all(row["allowed"] == ["deactivate"] for row in whole[1:])
    assert many == one, f"{one} statements for one row, {many} for {ROWS}"


async def test_codes_of_stores(client, session, people, county, statements) -> None:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    lng, lat = county.spot
    for number in range(ROWS):
        store = Store(
            name=f"{number}号店", area_id=county.community.id, area_path=county.community.path, lng=lng, lat=lat, given_lng=lng,
            given_lat=lat, given_crs=Crs.GCJ02, address="建设路 1 号",
            phone="0537-3412345", hours=HOURS,
        )
        session.add(store)
        await session.flush()
        await put_scope(session, scope_type=ScopeType.STORE, scope_id=store.id, area_path=store.area_path, name=store.name)
        await service.make(session, purpose=Purpose.STORE, target_id=store.id, title=None, issued_by=admin.id)
    session.expunge_all()
    one, page = await cost(client, admin, "/qrcodes?limit=1", statements)
    session.expunge_all()
    many, whole = await cost(client, admin, f"/qrcodes?limit={ROWS}", statements)
    assert (len(page), len(whole), many) == (1, ROWS, one) and whole[0]["target"]["hours"] == HOURS


async def test_invitations(client, branch, secretary, invite, statements) -> None:
    for _ in range(ROWS):
        await invite()
    path = f"/organisations/{branch.id}/invitations"
    one, page = await cost(client, secretary, f"{path}?limit=1", statements)
    many, whole = await cost(client, secretary, f"{path}?limit={ROWS}", statements)
    assert (len(page), len(whole), many) == (1, ROWS, one) and all(row["url_link"] for row in whole)

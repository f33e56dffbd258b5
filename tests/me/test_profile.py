"""`/members/me`: what a person reads and corrects about themselves."""

from app.auth.roles import Role, ScopeType
from app.members import queries, service

ME = "/api/v1/members/me"


async def test_a_newcomer_has_a_profile(client, people, county) -> None:
    rider = await people.member(phone=None, consents=())
    answer = await client.get(ME, headers=rider.headers)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(rider.id), "nickname": None, "real_name": None, "occupation": None,
        "area": {"id": str(county.root.id), "name": county.root.name}, "phone": None, "grants": [], "level": 1, "registration": None,
        "consents": [], "status": "active", "erase_on": None, "version": 1, "allowed": ["update", "cancel"],
    }


async def test_it_tells_roles_and_masks_the_phone(client, people, county, session) -> None:
    reviewer = await people.member(phone="13800138010", grants=[(Role.REVIEWER, ScopeType.AREA, county.community.id)])
    await service.set_profile(session, member_id=reviewer.id, real_name="张三", area=county.grid)
    profile = (await client.get(ME, headers=reviewer.headers)).json()
    assert (profile["phone"], profile["real_name"], profile["area"]["name"]) == ("138****8010", "张三", county.grid.name)
    (grant,) = profile["grants"]
    assert (grant["role"], grant["scope_type"], grant["scope_id"]) == ("reviewer", "area", str(county.community.id))
    assert grant["scope_name"] == county.community.name and grant["valid_until"].endswith("Z")


async def test_corrections_know_what_was_seen(client, people) -> None:
    rider = await people.member()
    body = {"nickname": "风里来", "occupation": "courier"}
    changed = await client.patch(ME, json=body, headers=rider.headers | {"If-Match": '"1"'})
    assert changed.status_code == 200
    assert (changed.json()["nickname"], changed.json()["occupation"], changed.json()["version"]) == ("风里来", "courier", 2)
    stale = await client.patch(ME, json={"nickname": "雨里去"}, headers=rider.headers | {"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"], stale.json()["version"]) == (412, "version_mismatch", 2)
    emptied = await client.patch(ME, json={"nickname": None}, headers=rider.headers)
    assert (emptied.json()["nickname"], emptied.json()["occupation"]) == (None, "courier")


async def test_protected_fields_are_refused(client, people) -> None:
    rider = await people.member()
    for body in ({"phone": "13900139000"}, {"level": 5}, {"status": "active"}, {"real_name": "李四"}, {"occupation": "king"}):
        answer = await client.patch(ME, json=body, headers=rider.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


async def test_a_nickname_is_not_shown_to_others(client, people, session) -> None:
    rider = await people.member()
    await client.patch(ME, json={"nickname": "张三本人"}, headers=rider.headers)
    assert "张三" not in (await queries.aliases(session, [rider.id]))[rider.id]


async def test_console_accounts_read_and_do_not_write(client, people) -> None:
    admin = await people.console(grants=[(Role.PLATFORM_ADMIN, ScopeType.PLATFORM, None)])
    profile = await client.get(ME, headers=admin.headers)
    assert profile.status_code == 200 and profile.json()["allowed"] == []
    assert profile.json()["grants"][0]["scope_id"] is None
    for answer in (await client.patch(ME, json={"nickname": "x"}, headers=admin.headers), await client.delete(ME, headers=admin.headers)):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_nobody_reads_without_signing_in(client) -> None:
    assert (await client.get(ME)).status_code == 401

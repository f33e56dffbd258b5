"""Who may give and take which role where, and what becomes of a right the moment it is taken (api.md "Sign-in", S25, S26)."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app import clock
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.principal import AccountStatus
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from tests.auth.calls import API, execute, refusal, row
from tests.support.county import County
from tests.support.people import People, Person

AREA = ScopeType.AREA


def area_admin(area_id: UUID) -> list[tuple[Role, ScopeType, UUID | None]]:
    return [(Role.AREA_ADMIN, AREA, area_id)]


async def give(client: httpx.AsyncClient, who: Person, role: str, scope: UUID, kind: str = "area", **to: Any) -> httpx.Response:
    body = {"role": role, "scope_type": kind, "scope_id": str(scope), **{name: str(value) for name, value in to.items()}}
    return await client.post(f"{API}/auth/grants", headers=who.headers, json=body)


async def take(client: httpx.AsyncClient, who: Person, grant_id: str) -> httpx.Response:
    return await client.delete(f"{API}/auth/grants/{grant_id}", headers=who.headers)


async def listed(client: httpx.AsyncClient, who: Person, **params: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"{API}/auth/grants", headers=who.headers, params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


@pytest.fixture
async def platform(people: People) -> Person:
    return await people.console()


@pytest.fixture
async def admin(people: People, county: County) -> Person:
    """Of the street."""
    return await people.member(grants=area_admin(county.street.id))


@pytest.fixture
async def store(session: AsyncSession, county: County) -> UUID:
    store_id = uuid4()
    path = county.community.path
    await auth_service.put_scope(session, scope_type=ScopeType.STORE, scope_id=store_id, area_path=path, name="便民超市")
    return store_id


async def test_a_grant_is_shown_used_and_taken_away(
    client: httpx.AsyncClient, people: People, county: County, admin: Person, session: AsyncSession
) -> None:
    worker = await people.member()
    made = await give(client, admin, "reviewer", county.community.id, phone=worker.phone)
    assert made.status_code == 201
    shown = made.json()
    phone = worker.phone or ""
    assert shown == shown | {
        "role": "reviewer", "scope_type": "area", "scope_id": str(county.community.id), "scope_name": "东风社区",
        "account_id": str(worker.id), "phone": f"{phone[:3]}****{phone[-4:]}", "status": "active",
    }
    assert phone not in made.text
    assert await auth_queries.covering(session, area_path=county.grid.path, roles=[Role.REVIEWER]) == [worker.id]
    assert await auth_queries.covering(session, area_path=county.other_grid.path, roles=[Role.REVIEWER]) == []
    assert (await auth_queries.principal_of(session, account_id=worker.id)).covers(county.grid.path, Role.REVIEWER)
    assert [one["id"] for one in await listed(client, admin, scope_type="area", scope_id=county.community.id)] == [shown["id"]]
    assert (await take(client, admin, shown["id"])).status_code == 204
    assert (await take(client, admin, shown["id"])).status_code == 204, "the answer may have been lost"
    assert (await auth_queries.principal_of(session, account_id=worker.id)).grants == ()
    assert [one["status"] for one in await listed(client, admin, scope_id=county.community.id)] == ["revoked"]
    told = "select string_agg(action, ' ' order by id) as all from audit_event where object_id = :id"
    events = await row(session, told, id=UUID(shown["id"]))
    assert events.all == "auth.grant auth.revoke"


@pytest.mark.check("S25", part=True)
async def test_the_power_of_an_administrator_ends_with_the_grant(
    client: httpx.AsyncClient, people: People, county: County, platform: Person
) -> None:
    other = await people.member()
    made = await give(client, platform, "area_admin", county.street.id, account_id=other.id)
    assert (await give(client, other, "reviewer", county.community.id, phone="13700000001")).status_code == 201
    assert (await take(client, platform, made.json()["id"])).status_code == 204
    assert refusal(await give(client, other, "reviewer", county.community.id, phone="13700000002")) == (404, "not_found")


@pytest.mark.check("S25", part=True)
async def test_rights_end_when_they_run_out_and_move_with_the_area(
    client: httpx.AsyncClient, county: County, admin: Person, session: AsyncSession
) -> None:
    async def can() -> int:
        return (await give(client, admin, "reviewer", county.community.id, phone=f"137{clock.now():%H%S%f}"[:11])).status_code

    assert await can() == 201
    await auth_service.put_scope(session, scope_type=AREA, scope_id=county.community.id, area_path="370883/370883001/", name="迁走的社区")
    assert await can() == 404
    path = county.community.path
    await auth_service.put_scope(session, scope_type=AREA, scope_id=county.community.id, area_path=path, name="东风社区")
    assert await can() == 201
    await execute(session, "update access_grant set valid_until = clock_timestamp() where account_id = :id", id=admin.id)
    assert await can() == 404


@pytest.mark.check("S26", part=True)
async def test_nobody_climbs(
    client: httpx.AsyncClient, people: People, county: County, admin: Person, platform: Person, store: UUID, session: AsyncSession
) -> None:
    member, reviewer = await people.member(), await people.member(grants=[(Role.REVIEWER, AREA, county.street.id)])
    owner = await people.member(grants=[(Role.STORE_OWNER, ScopeType.STORE, store)])
    outsider = await people.member(grants=area_admin(county.other_community.id))
    to = {"phone": "13700000003"}
    cases = [
        (await give(client, admin, "area_admin", county.street.id, **to), 403),  # not strictly below
        (await give(client, admin, "reviewer", county.root.id, **to), 404),  # above
        (await give(client, admin, "auditor", county.community.id, **to), 403),
        (await give(client, admin, "reviewer", uuid4(), **to), 404),
        (await give(client, outsider, "reviewer", county.community.id, **to), 404),  # beside
        (await give(client, outsider, "store_clerk", store, "store", **to), 404),
        (await give(client, reviewer, "grid_worker", county.community.id, **to), 403),
        (await give(client, owner, "store_owner", store, "store", **to), 403),
        (await give(client, member, "reviewer", county.community.id, **to), 404),
        (await give(client, platform, "reviewer", county.community.id, **to), 403),
        (await give(client, admin, "grid_worker", county.community.id, account_id=admin.id), 403),  # to oneself
        (await give(client, admin, "grid_worker", county.community.id, phone=admin.phone), 403),
    ]
    assert [answer.status_code for answer, _ in cases] == [status for _, status in cases]
    told = "select count(*) as n from audit_event where outcome = 'denied' and action in ('auth.grant', 'denied.grant')"
    denied = await row(session, told)
    assert denied.n == len(cases)
    made = await row(session, "select count(*) as n from access_grant where phone_masked = '137****0003' or granted_by = :id", id=admin.id)
    assert made.n == 0
    assert (await give(client, owner, "store_clerk", store, "store", **to)).status_code == 201
    assert [one["role"] for one in await listed(client, owner)] == ["store_clerk"]
    assert await listed(client, member) == []


async def test_shapes_that_are_refused(client: httpx.AsyncClient, county: County, admin: Person, platform: Person, store: UUID) -> None:
    member, grid = str(uuid4()), county.grid.id
    late, over = clock.now() + timedelta(days=400), clock.now() - timedelta(days=1)
    for answer in (
        await give(client, admin, "store_clerk", grid, phone="13700000004"),  # a store's role on an area
        await give(client, admin, "reviewer", store, "store", phone="13700000004"),
        await give(client, platform, "platform_admin", grid, phone="13700000004"),
        await give(client, platform, "platform_admin", grid, "platform", phone="13700000004"),
        await give(client, admin, "king", grid, phone="13700000004"),
        await give(client, admin, "reviewer", grid),
        await give(client, admin, "reviewer", grid, phone="13700000004", account_id=member),
        await give(client, admin, "reviewer", grid, phone="12345678901"),
        await give(client, admin, "reviewer", grid, phone="13700000004", valid_until=late.isoformat()),
        await give(client, admin, "reviewer", grid, phone="13700000004", valid_until=over.isoformat()),
        await give(client, admin, "reviewer", grid, phone="13700000004", granted_by=member),
    ):
        assert refusal(answer) == (422, "validation_error")
        assert "13700000004" not in answer.text


@pytest.mark.check("S26", part=True)
async def test_deleted_and_stopped_accounts_get_nothing(
    client: httpx.AsyncClient, people: People, county: County, admin: Person, session: AsyncSession
) -> None:
    gone, stopped = await people.member(), await people.member()
    await auth_service.forget(session, member_id=gone.id)
    await auth_service.set_status(session, account_id=stopped.id, status=AccountStatus.SUSPENDED)
    assert refusal(await give(client, admin, "reviewer", county.grid.id, account_id=gone.id)) == (404, "not_found")
    assert refusal(await give(client, admin, "reviewer", county.grid.id, account_id=uuid4())) == (404, "not_found")
    assert refusal(await give(client, admin, "reviewer", county.grid.id, account_id=stopped.id)) == (409, "conflict")


async def test_a_grant_waits_for_its_phone(
    client: httpx.AsyncClient, people: People, county: County, admin: Person, session: AsyncSession
) -> None:
    made = await give(client, admin, "grid_worker", county.grid.id, phone="13612345678")
    assert made.json() == made.json() | {"status": "waiting", "account_id": None, "phone": "136****5678"}
    assert refusal(await give(client, admin, "grid_worker", county.grid.id, phone="13612345678")) == (409, "already_exists")
    later = await people.member(phone=None)
    await auth_service.bind_phone(session, account_id=later.id, phone="13612345678")
    assert (await auth_queries.principal_of(session, account_id=later.id)).covers(county.grid.path, Role.GRID_WORKER)
    assert [one["status"] for one in await listed(client, admin)] == ["active"]
    assert refusal(await give(client, admin, "grid_worker", county.grid.id, account_id=later.id)) == (409, "already_exists")
    kept = await row(session, "select phone_index from access_grant where id = :id", id=UUID(made.json()["id"]))
    assert kept.phone_index is None, "the number stands at the account only"


@pytest.mark.check("S26", part=True)
async def test_a_waiting_grant_is_no_way_around(
    client: httpx.AsyncClient, people: People, county: County, platform: Person, session: AsyncSession
) -> None:
    """One grants to a number and binds it; an administrator binds a number that an audit waits for."""
    admin = await people.member(phone=None, grants=area_admin(county.street.id))
    assert (await give(client, admin, "reviewer", county.grid.id, phone="13612340000")).status_code == 201
    assert (await give(client, platform, "auditor", county.root.id, phone="13612340000")).status_code == 201
    await auth_service.bind_phone(session, account_id=admin.id, phone="13612340000")
    held = {grant.role for grant in (await auth_queries.principal_of(session, account_id=admin.id)).grants}
    assert held == {Role.AREA_ADMIN}


async def test_one_that_ran_out_makes_room(client: httpx.AsyncClient, county: County, admin: Person, session: AsyncSession) -> None:
    first = (await give(client, admin, "grid_worker", county.grid.id, phone="13612345679")).json()
    await execute(session, "update access_grant set valid_until = clock_timestamp() where id = :id", id=UUID(first["id"]))
    assert (await give(client, admin, "grid_worker", county.grid.id, phone="13612345679")).status_code == 201
    assert [one["status"] for one in await listed(client, admin)] == ["waiting", "expired"]


async def test_administration_and_audit_stay_apart(client: httpx.AsyncClient, people: People, county: County, platform: Person) -> None:
    person = await people.member()
    assert (await give(client, platform, "auditor", county.root.id, account_id=person.id)).status_code == 201
    assert refusal(await give(client, platform, "area_admin", county.street.id, account_id=person.id)) == (409, "conflict")
    assert (await give(client, platform, "area_admin", county.street.id, phone="13612345680")).status_code == 201
    assert refusal(await give(client, platform, "auditor", county.root.id, phone="13612345680")) == (409, "conflict")


@pytest.mark.check("S26", part=True)
async def test_the_last_administrator_of_a_county_stays(
    client: httpx.AsyncClient, people: People, county: County, platform: Person
) -> None:
    one, two = await people.member(), await people.member()
    first = (await give(client, platform, "area_admin", county.root.id, account_id=one.id)).json()
    waiting = (await give(client, platform, "area_admin", county.root.id, phone="13612345681")).json()
    assert refusal(await take(client, platform, first["id"])) == (409, "conflict"), "who only waits does not count"
    second = (await give(client, platform, "area_admin", county.root.id, account_id=two.id)).json()
    assert (await take(client, platform, first["id"])).status_code == 204
    assert refusal(await take(client, platform, second["id"])) == (409, "conflict")
    assert (await take(client, platform, waiting["id"])).status_code == 204
    street = (await give(client, platform, "area_admin", county.street.id, account_id=one.id)).json()
    assert (await take(client, platform, street["id"])).status_code == 204, "only a county must have one"


async def test_who_may_take_a_grant_away(client: httpx.AsyncClient, people: People, county: County, admin: Person, store: UUID) -> None:
    clerk, colleague = await people.member(), await people.member()
    owner = await people.member(grants=[(Role.STORE_OWNER, ScopeType.STORE, store)])
    stranger = await people.member(grants=area_admin(county.other_community.id))
    made = (await give(client, owner, "store_clerk", store, "store", account_id=clerk.id)).json()
    assert (await give(client, owner, "store_clerk", store, "store", account_id=colleague.id)).status_code == 201
    assert refusal(await take(client, stranger, made["id"])) == (404, "not_found")
    assert refusal(await take(client, colleague, made["id"])) == (403, "forbidden")
    assert refusal(await take(client, clerk, made["id"])) == (403, "forbidden")
    assert refusal(await take(client, owner, str(uuid4()))) == (404, "not_found")
    assert {one["id"] for one in await listed(client, admin)} >= {made["id"]}, "the area's administrator sees the store's staff"
    assert (await take(client, admin, made["id"])).status_code == 204


async def test_lists_are_paged_and_filtered(client: httpx.AsyncClient, county: County, admin: Person) -> None:
    for number in range(3):
        await give(client, admin, "grid_worker", county.grid.id, phone=f"1361234600{number}")
    await give(client, admin, "reviewer", county.community.id, phone="13612346009")
    page = (await client.get(f"{API}/auth/grants", headers=admin.headers, params={"limit": 3})).json()
    rest = (await client.get(f"{API}/auth/grants", headers=admin.headers, params={"limit": 3, "cursor": page["next_cursor"]})).json()
    ids = [one["id"] for one in page["items"] + rest["items"]]
    assert len(ids) == 4 == len(set(ids)) and ids == sorted(ids, reverse=True) and rest["next_cursor"] is None
    assert len(await listed(client, admin, scope_id=county.grid.id)) == 3
    assert await listed(client, admin, scope_type="store") == []


async def test_erasing_leaves_nothing_of_the_person(
    client: httpx.AsyncClient, people: People, county: County, admin: Person, session: AsyncSession
) -> None:
    worker = await people.member(phone="13612347000")
    await give(client, admin, "reviewer", county.grid.id, phone="13612347000")
    copy = await auth_queries.export(session, member_id=worker.id)
    assert copy["account"]["phone"] == "13612347000" and len(copy["grants"]) == 1
    await auth_service.forget(session, member_id=worker.id)
    await auth_service.forget(session, member_id=worker.id)
    kept = await row(session, "select * from account where id = :id", id=worker.id)
    assert kept.status == "erased" and not any((kept.openid_index, kept.openid_sealed, kept.phone_index, kept.phone_sealed, kept.consented))
    grant = await row(session, "select phone_masked, revoked_at from access_grant where account_id = :id", id=worker.id)
    assert grant.phone_masked is None and grant.revoked_at is not None
    assert (await client.get(f"{API}/auth/sessions", headers=worker.headers)).status_code == 401
    assert await auth_queries.account_by_phone(session, phone="13612347000") is None

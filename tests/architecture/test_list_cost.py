"""A page costs as many statements with ten rows as with one: what belongs to a row is read for all rows at once."""

from typing import Any

import httpx
import pytest

from app import clock
from app.auth.roles import Role, ScopeType
from app.enterprises import service as enterprises_service
from app.enterprises.models import EnterpriseKind
from app.members import service as members_service
from app.members.schemas import EmployerIn
from app.registrations.models import Direction, Registration, Status
from tests.support.county import County
from tests.support.people import People, Person

API = "/api/v1"
ROWS = 10
MONTH = clock.today().strftime("%Y-%m")


@pytest.fixture
async def admin(people: People, county: County) -> Person:
    return await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])


async def riders(people: People, county: County, count: int) -> list[Person]:
    """People with a name, a phone and a work area, who let their employer know."""
    made = [await people.member(consents=("service", "location", "employer_statement")) for _ in range(count)]
    for rider in made:
        await members_service.set_profile(people.session, member_id=rider.id, real_name="王小明", area=county.community)
    return made


async def cost(client: httpx.AsyncClient, who: Person, path: str, statements: list[str]) -> tuple[int, dict[str, Any]]:
    statements.clear()
    answer = await client.get(f"{API}{path}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return len(statements), answer.json()


async def test_registrations(client, people, county, admin: Person, statements: list[str]) -> None:
    for number, rider in enumerate(await riders(people, county, ROWS)):
        people.session.add(
            Registration(
                number=f"S20261122-{number:06d}", member_id=rider.id, direction=Direction.MEMBER_SEEKS_ORG, status=Status.ACTIVE,
                area_id=county.community.id, area_path=county.community.path,
            )
        )
    await people.session.flush()
    one, page = await cost(client, admin, "/registrations?limit=1", statements)
    all_of_them, whole = await cost(client, admin, f"/registrations?limit={ROWS}", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, ROWS)
    assert all_of_them == one, f"{one} statements for one row, {all_of_them} for {ROWS}"


async def test_an_employers_statement(client, people, county, admin: Person, statements: list[str]) -> None:
    session = people.session
    fields = {"name": "顺风速递", "uscc": "91370882MA3C00000X", "kind": EnterpriseKind.DEPOT, "headcount": None, "uscc_confirmed": True}
    firm = await enterprises_service.create(session, principal=admin.principal, area_id=county.community.id, fields=fields)
    first, *others = await riders(people, county, ROWS)
    await members_service.set_employers(session, member_id=first.id, employers=[EmployerIn(enterprise_id=firm.id)])
    one, page = await cost(client, admin, f"/enterprises/{firm.id}/statements/{MONTH}", statements)
    for rider in others:
        await members_service.set_employers(session, member_id=rider.id, employers=[EmployerIn(enterprise_id=firm.id)])
    all_of_them, whole = await cost(client, admin, f"/enterprises/{firm.id}/statements/{MONTH}", statements)
    assert (len(page["lines"]), len(whole["lines"])) == (1, ROWS)
    assert all_of_them == one, f"{one} statements for one line, {all_of_them} for {ROWS}"

"""Enterprises over HTTP: codes and their check digit, who reads what, who may change and move them."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from stdnum.cn import uscc as gb32100

from app import clock
from app.areas.models import Area
from app.auth import queries as auth_queries
from app.auth.roles import Role, ScopeType
from app.enterprises import queries, workflow
from app.enterprises.schemas import EnterpriseIn
from app.errors import NotFound

URL = "/api/v1/enterprises"
GOOD, BAD = "91370812MA3C4D5E69", "91370812MA3C4D5E6A"
WARNING = workflow.CHECK_DIGIT
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def body(area: Area, **more: Any) -> dict[str, Any]:
    return {"name": "迅达配送有限公司", "uscc": GOOD, "kind": "franchise", "area_id": str(area.id), "headcount": 86, **more}


def admin_of(area: Area) -> tuple[Role, ScopeType, Any]:
    return Role.AREA_ADMIN, ScopeType.AREA, area.id


@pytest.fixture
async def admin(people, county):
    return await people.member(grants=[admin_of(county.root)])


async def test_an_enterprise_is_made_and_each_sees_what_is_theirs(client, session, people, county, admin) -> None:
    answer = await client.post(URL, json=body(county.street), headers=admin.headers)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == {
        "id": made["id"], "name": "迅达配送有限公司", "uscc": GOOD, "kind": "franchise", "headcount": 86, "warnings": [], "version": 1,
        "area": {"id": str(county.street.id), "name": county.street.name}, "listed_on": clock.today().isoformat(), "closed_on": None,
        "allowed": ["update", "headcount"],
    }
    scope = await auth_queries.scope(session, scope_type=ScopeType.ENTERPRISE, scope_id=made["id"])
    assert (scope.area_path, scope.name) == (county.street.path, made["name"])
    contact = await people.member(grants=[(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, made["id"])])
    elsewhere = await people.member(grants=[admin_of(county.community)])
    rider, platform = await people.member(), await people.console()
    for who, full in ((admin, True), (contact, True), (elsewhere, False), (rider, False), (platform, False)):
        for seen in (
            (await client.get(f"{URL}/{made['id']}", headers=who.headers)).json(),
            (await client.get(URL, params={"area_id": str(county.root.id)}, headers=who.headers)).json()["items"][0],
        ):
            assert (seen["id"], seen["name"], seen["kind"]) == (made["id"], made["name"], "franchise")
            assert (seen["uscc"], seen["headcount"]) == ((GOOD, 86) if full else (None, None))
            assert seen["allowed"] == (["update"] if who is admin else []) + (["headcount"] if full else [])
    assert (await client.get(URL)).status_code == 401
    assert (await client.get(f"{URL}/{uuid4()}", headers=rider.headers)).status_code == 404


async def test_lists_are_filtered_and_paged(client, people, county, admin) -> None:
    ids = []
    for number, (area, kind) in enumerate(((county.root, "platform"), (county.community, "depot"), (county.other_community, "depot"))):
        code = GOOD[:8] + f"{number:09d}"
        more = {"uscc": code + gb32100.calc_check_digit(code), "kind": kind}
        ids.append((await client.post(URL, json=body(area, **more), headers=admin.headers)).json()["id"])
    rider = await people.member()

    async def listed(**query: Any) -> Any:
        return (await client.get(URL, params=query, headers=rider.headers)).json()

    whole = {"area_id": str(county.root.id)}
    assert [item["id"] for item in (await listed(**whole))["items"]] == ids[::-1]
    assert [item["id"] for item in (await listed(**whole, kind="depot"))["items"]] == [ids[2], ids[1]]
    assert [item["id"] for item in (await listed(area_id=str(county.community.id)))["items"]] == [ids[1]]
    page = await listed(**whole, limit=2)
    assert [item["id"] for item in (await listed(**whole, limit=2, cursor=page["next_cursor"]))["items"]] == ids[:1]


async def test_a_wrong_check_digit_warns_until_a_person_confirms(client, people, county, admin) -> None:
    made = await client.post(URL, json=body(county.root, uscc=BAD), headers=admin.headers)
    assert (made.status_code, made.json()["warnings"]) == (201, [WARNING])
    url = f"{URL}/{made.json()['id']}"
    assert (await client.get(url, headers=admin.headers)).json()["warnings"] == [WARNING]
    assert (await client.get(url, headers=(await people.member()).headers)).json()["warnings"] == []

    async def change(**fields: Any) -> list[str]:
        return list((await client.patch(url, json=fields, headers=admin.headers)).json()["warnings"])

    assert await change(uscc_confirmed=True) == []
    assert await change(name="迅达", uscc=BAD) == []  # the same code stays confirmed
    assert await change(uscc=BAD[:-1] + "B") == [WARNING]  # another one must be confirmed anew
    assert await change(uscc=BAD[:-1] + "C", uscc_confirmed=True) == []
    confirmed = await client.post(URL, json=body(county.root, uscc=BAD[:-1] + "D", uscc_confirmed=True), headers=admin.headers)
    assert (confirmed.status_code, confirmed.json()["warnings"]) == (201, [])


@given(st.text(ALPHABET, min_size=9, max_size=9), st.integers(0, 30))
def test_exactly_one_check_digit_is_right(middle: str, number: int) -> None:
    code = "91370812" + middle
    quiet = [symbol for symbol in ALPHABET if not workflow.warnings(code + symbol, confirmed=False)]
    assert len(quiet) == 1 and workflow.warnings(code + ALPHABET[number], confirmed=True) == []


@pytest.mark.parametrize(
    "uscc",
    [
        "", GOOD[:-1], GOOD + "0", GOOD[:-1] + "I", GOOD[:-1] + "O", "9137081" + "X" + GOOD[8:], GOOD[:17] + " ", "９" + GOOD[1:-1],
        GOOD[:9] + "Ｓ" + GOOD[10:],
    ],
)
async def test_what_is_no_code_is_refused(client, county, admin, uscc: str) -> None:
    answer = await client.post(URL, json=body(county.root, uscc=uscc, uscc_confirmed=True), headers=admin.headers)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", "uscc"])


@pytest.mark.parametrize("letter", ["I", "O", "S", "V", "Z"])
def test_letters_that_look_like_others_are_no_symbols(letter: str) -> None:
    told = {"name": "x", "kind": "depot", "area_id": str(uuid4())}
    with pytest.raises(ValidationError):
        EnterpriseIn.model_validate(told | {"uscc": GOOD[:9] + letter + GOOD[10:]})
    assert EnterpriseIn.model_validate(told | {"uscc": GOOD[:9] + "A" + GOOD[10:]})


@pytest.mark.parametrize(
    "written", [f" {GOOD.lower()} ", "９１３７０８１２ＭＡ３Ｃ４Ｄ５Ｅ６９", f"\u3000{GOOD}\u3000", "９１３７0812ｍａ3c4d5e69"]
)
async def test_a_code_is_read_as_people_write_it(client, county, admin, written: str) -> None:
    made = await client.post(URL, json=body(county.root, uscc=written), headers=admin.headers)
    assert (made.status_code, made.json()["uscc"], made.json()["warnings"]) == (201, GOOD, [])
    url = f"{URL}/{made.json()['id']}"
    assert (await client.patch(url, json={"uscc": BAD}, headers=admin.headers)).json()["warnings"] == [WARNING]
    changed = await client.patch(url, json={"uscc": written}, headers=admin.headers)
    assert (changed.json()["uscc"], changed.json()["warnings"]) == (GOOD, [])


async def test_a_code_stands_once_in_a_tenant(client, people, county, admin) -> None:
    platform = await people.console()
    wish = {"level": "county", "code": "370898", "name": "邻县"}
    other = (await client.post("/api/v1/areas", json=wish, headers=platform.headers)).json()
    neighbour = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, other["id"])])
    both = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, other["id"]), admin_of(county.root)])
    assert (await client.post(URL, json=body(county.root), headers=admin.headers)).status_code == 201
    again = await client.post(URL, json=body(county.community, name="另一家", uscc=GOOD.lower()), headers=admin.headers)
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    there = await client.post(URL, json=body(county.root) | {"area_id": other["id"]}, headers=neighbour.headers)
    assert there.status_code == 201
    url = f"{URL}/{there.json()['id']}"
    moved = await client.patch(url, json={"area_id": str(county.street.id)}, headers=both.headers)
    assert (moved.status_code, moved.json()["code"]) == (409, "already_exists")
    assert (await client.get(url, headers=both.headers)).json()["version"] == 1  # nothing of the refused change stayed
    renamed = await client.patch(url, json={"uscc": BAD, "area_id": str(county.street.id)}, headers=both.headers)
    assert (renamed.status_code, renamed.json()["area"]["name"]) == (200, county.street.name)
    back = await client.patch(url, json={"uscc": GOOD}, headers=both.headers)
    assert (back.status_code, back.json()["code"]) == (409, "already_exists")


# Who may make one in the county, in the community; and rename one of the community.
MATRIX = {
    "county_admin": (201, 201, 200), "street_admin": (403, 201, 200), "community_admin": (403, 201, 200),
    "other_admin": (403, 403, 403), "platform": (403, 403, 403), "reviewer": (403, 403, 403), "auditor": (403, 403, 403),
    "contact": (403, 403, 403), "rider": (403, 403, 403), "nobody": (401, 401, 401),
}


@pytest.mark.parametrize("who", MATRIX)
async def test_who_may_change_enterprises(client, people, county, admin, who: str) -> None:
    made = (await client.post(URL, json=body(county.community), headers=admin.headers)).json()
    grants = {
        "county_admin": admin_of(county.root), "street_admin": admin_of(county.street), "community_admin": admin_of(county.community),
        "other_admin": admin_of(county.other_community), "reviewer": (Role.REVIEWER, ScopeType.AREA, county.root.id),
        "auditor": (Role.AUDITOR, ScopeType.AREA, county.root.id), "contact": (Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, made["id"]),
    }
    headers: dict[str, str] = {}
    if who == "platform":
        headers = (await people.console()).headers
    elif who != "nobody":
        headers = (await people.member(grants=[grants[who]] if who in grants else [])).headers
    got = (
        (await client.post(URL, json=body(county.root, uscc=BAD), headers=headers)).status_code,
        (await client.post(URL, json=body(county.community, uscc=BAD[:-1] + "B"), headers=headers)).status_code,
        (await client.patch(f"{URL}/{made['id']}", json={"name": "新名"}, headers=headers)).status_code,
    )
    assert got == MATRIX[who]


async def test_a_move_takes_every_grant_on_it_along(client, session, people, county, admin) -> None:
    made = (await client.post(URL, json=body(county.community), headers=admin.headers)).json()
    url = f"{URL}/{made['id']}"
    contact = await people.member(grants=[(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, made["id"])])
    here = await people.member(grants=[admin_of(county.community)])
    move = {"area_id": str(county.other_community.id)}
    assert (await client.patch(url, json=move, headers=here.headers)).status_code == 403
    assert (await client.patch(url, json=move | {"headcount": None}, headers=admin.headers | {"If-Match": '"1"'})).status_code == 200
    [grant] = await auth_queries.grants_of(session, account_id=contact.id)
    assert grant.area_path == county.other_community.path
    assert (await client.get(url, headers=here.headers)).json()["uscc"] is None
    late = await client.patch(url, json={"headcount": 3}, headers=admin.headers | {"If-Match": '"1"'})
    assert (late.status_code, late.json()["version"]) == (412, 2)
    for bad in ({"name": None}, {"uscc": None}, {"area_id": None}, {"headcount": -1}, {"tenant_id": str(county.root.id)}):
        assert (await client.patch(url, json=bad, headers=admin.headers)).status_code == 422
    unknown = await client.patch(url, json={"area_id": str(uuid4())}, headers=admin.headers)
    assert unknown.status_code == 404


async def test_a_province_has_no_enterprises(client, people) -> None:
    platform = await people.console()
    wish = {"level": "province", "code": "410000", "name": "某省"}
    area = (await client.post("/api/v1/areas", json=wish, headers=platform.headers)).json()
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, area["id"])])
    wish = {"name": "x", "uscc": GOOD, "kind": "depot", "area_id": area["id"]}
    assert (await client.post(URL, json=wish, headers=admin.headers)).status_code == 422


async def test_who_prints_the_code_and_what_it_shows(client, session, people, county, admin) -> None:
    made = (await client.post(URL, json=body(county.community), headers=admin.headers)).json()
    contact = await people.member(grants=[(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, made["id"])])
    rider = await people.member()
    for who, may in ((contact, True), (admin, True), (rider, False)):
        assert await queries.may_issue_qrcode(session, who.principal, made["id"]) is may
    assert await queries.describe(session, made["id"]) == {"id": made["id"], "name": made["name"], "kind": "franchise"}
    with pytest.raises(NotFound):
        await queries.may_issue_qrcode(session, rider.principal, uuid4())

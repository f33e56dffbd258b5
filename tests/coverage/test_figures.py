"""两个覆盖 on any day: against a plain model in Python over random counties, at the edges of days, in lists and in files."""

import csv
import io
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import openpyxl
import pytest

from app import clock
from app.areas.models import Area
from app.coverage.models import Assignment, Cover, Duty
from app.coverage.workflow import rate
from app.enterprises.models import Enterprise
from app.members import service as members_service
from app.organisations.models import Organisation
from tests.coverage.conftest import Scene, make_firm, make_organisation

URL = "/api/v1/coverage"
TODAY = clock.today()
SPAN = 40  # days that the random county is spread over


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@dataclass
class Model:
    """What the county is, in plain lists; `figures` says by loops what the statements must say."""

    firms: list[Enterprise] = field(default_factory=list)
    organisations: list[Organisation] = field(default_factory=list)
    covers: list[Cover] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)

    def organisations_of(self, firm: Enterprise, on: date) -> set[UUID]:
        being = {o.id: o for o in self.organisations if o.founded_on <= on and not (o.dissolved_on and o.dissolved_on <= on)}
        own = {o.id for o in being.values() if o.enterprise_id == firm.id}
        joint = {
            c.organisation_id for c in self.covers
            if c.enterprise_id == firm.id and c.since <= on <= (c.until or date.max) and c.organisation_id in being
        }
        return own | joint

    def worked_with(self, firm: Enterprise, on: date) -> bool:
        covering = self.organisations_of(firm, on)
        assigned = [a for a in self.assignments if a.since <= on <= (a.until or date.max)]
        direct = any(a.enterprise_id == firm.id for a in assigned)
        through = any(a.organisation_id in covering and a.role is Duty.INSTRUCTOR for a in assigned)
        return bool(covering) or direct or through

    def there(self, area: Area, on: date) -> list[Enterprise]:
        return [
            firm for firm in self.firms
            if firm.area_path.startswith(area.path) and firm.listed_on <= on and not (firm.closed_on and firm.closed_on <= on)
        ]


async def random_county(session, scene: Scene, people, dice: random.Random) -> Model:
    county, model = scene.county, Model()
    areas = [county.root, county.street, county.community, county.grid, county.other_community, county.other_grid]
    someone = (await people.member()).id

    def span(open_ended: float) -> tuple[date, date | None]:
        begins = ago(dice.randint(0, SPAN))
        return begins, None if dice.random() < open_ended else begins + timedelta(days=dice.randint(0, 15))

    for number in range(2, 22):
        listed, closed = span(0.7)
        firm = await make_firm(session, dice.choice(areas), county.root, number, listed_on=listed, closed_on=closed)
        model.firms.append(firm)
    for _ in range(8):
        founded, dissolved = span(0.7)
        owner = dice.choice(model.firms).id if dice.random() < 0.5 else None
        model.organisations.append(
            await make_organisation(
                session, dice.choice(areas), enterprise_id=owner, founded_on=founded, dissolved_on=dissolved
            )
        )
    pairs = {(dice.choice(model.organisations).id, dice.choice(model.firms).id) for _ in range(14)}
    for organisation_id, firm_id in pairs:
        since, until = span(0.5)
        model.covers.append(Cover(organisation_id=organisation_id, enterprise_id=firm_id, since=since, until=until))
    for number in range(12):
        since, until = span(0.4)
        at = {"enterprise_id": model.firms[number].id} if number % 3 else {"organisation_id": dice.choice(model.organisations).id}
        role = dice.choice(list(Duty))
        model.assignments.append(Assignment(role=role, account_id=someone, since=since, until=until, **at))
    session.add_all([*model.covers, *model.assignments])
    await session.flush()
    return model


async def listed(client, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    """All pages of the list behind the figures."""
    items, cursor = [], None
    while True:
        params = query | {"limit": 7} | ({"cursor": cursor} if cursor else {})
        answer = await client.get(f"{URL}/enterprises", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return items


@pytest.mark.parametrize("seed", range(4))
async def test_figures_and_lists_are_those_of_a_plain_model(client, session, people, scene, seed: int) -> None:
    dice = random.Random(seed)
    model = await random_county(session, scene, people, dice)
    model.firms.append(scene.firm)
    model.organisations.append(scene.branch)
    some_covered = 0
    for area in (scene.county.root, scene.county.community, scene.county.other_grid):
        for on in {ago(dice.randint(-3, SPAN + 2)) for _ in range(3)} | {TODAY}:
            query = {"area_id": str(area.id), "on": on.isoformat()}
            answer = (await client.get(URL, params=query, headers=scene.admin.headers)).json()
            there = model.there(area, on)
            covered = {str(firm.id) for firm in there if model.organisations_of(firm, on)}
            worked = {str(firm.id) for firm in there if model.worked_with(firm, on)}
            for kind, ids in (("organisation", covered), ("work", worked)):
                assert answer[kind] == {
                    "numerator": len(ids), "denominator": len(there), "rate": rate(len(ids), len(there))
                }, (kind, on)
            by = {item["id"]: item for item in await listed(client, scene.admin.headers, **query)}
            assert by.keys() == {str(firm.id) for firm in there}
            for kind, ids in (("organisation", covered), ("work", worked), ("none", by.keys() - worked)):
                found = await listed(client, scene.admin.headers, **query, covered=kind)
                assert {item["id"] for item in found} == ids, (kind, on)
                assert len(found) == len(ids), "nobody twice"
            for firm in there:
                shown = by[str(firm.id)]["organisations"]
                assert {one["id"] for one in shown} == {str(one) for one in model.organisations_of(firm, on)}
                assert len(shown) == len({one["id"] for one in shown})
            some_covered += len(covered)
    assert some_covered, "a county in which nothing is covered shows nothing"


async def test_the_days_at_the_edges(client, session, people, scene) -> None:
    """The first and the last day of a cover and of an assignment count; the day of closing and of dissolving does not."""
    liaison = (await people.member()).id
    scene.firm.listed_on, scene.firm.closed_on = ago(30), ago(1)
    scene.branch.founded_on, scene.branch.dissolved_on = ago(20), ago(10)
    session.add_all(
        [
            scene.firm, scene.branch, Cover(organisation_id=scene.branch.id, enterprise_id=scene.firm.id, since=ago(18), until=ago(5)),
            Assignment(role=Duty.LIAISON, account_id=liaison, enterprise_id=scene.firm.id, since=ago(8), until=ago(6)),
        ]
    )
    await session.flush()
    expected = {31: (0, 0, 0), 30: (1, 0, 0), 19: (1, 0, 0), 18: (1, 1, 1), 11: (1, 1, 1), 10: (1, 0, 0), 9: (1, 0, 0), 8: (1, 0, 1),
                6: (1, 0, 1), 5: (1, 0, 0), 2: (1, 0, 0), 1: (0, 0, 0), 0: (0, 0, 0)}
    for days, figures in expected.items():
        query = {"area_id": str(scene.county.root.id), "on": ago(days).isoformat()}
        answer = (await client.get(URL, params=query, headers=scene.admin.headers)).json()
        got = (answer["work"]["denominator"], answer["organisation"]["numerator"], answer["work"]["numerator"])
        assert got == figures, days
    assert answer["work"]["rate"] is None and answer["on"] == TODAY.isoformat()
    assert rate(2, 3) == 0.6667


WHO = {
    "county_admin": 200, "community_admin": 200, "other_admin": 403, "reviewer": 403, "auditor": 403, "platform": 403, "secretary": 403,
    "contact": 403, "rider": 403, "nobody": 401,
}


@pytest.mark.parametrize("who", WHO)
async def test_who_reads_figures(client, people, scene, who: str) -> None:
    person = await scene.person(people, who, "organisations")
    headers = person.headers if person else {}
    area = {"area_id": str(scene.county.community.id)}
    span = area | {"from": TODAY.isoformat(), "to": TODAY.isoformat()}
    for path, query in (("", area), ("/enterprises", area), ("/enterprises", area | {"format": "csv"}), ("/visits", span)):
        assert (await client.get(URL + path, params=query, headers=headers)).status_code == WHO[who], path


async def test_what_is_wrong_with_a_query(client, scene) -> None:
    area = {"area_id": str(scene.county.root.id)}
    for path, query, status in (
        ("", {}, 422), ("", {"area_id": str(uuid4())}, 404), ("", area | {"on": "yesterday"}, 422), ("/visits", area, 422),
        ("/enterprises", area | {"covered": "some"}, 422), ("/enterprises", area | {"format": "pdf"}, 422),
        ("/visits", area | {"from": "2026-02-02", "to": "2026-02-01"}, 422),
    ):
        assert (await client.get(URL + path, params=query, headers=scene.admin.headers)).status_code == status, query


async def test_the_list_as_a_file(client, session, people, scene) -> None:
    named_like_a_formula = await make_firm(session, scene.county.grid, scene.county.root, 2)
    named_like_a_formula.name = "=cmd()"
    scene.branch.enterprise_id = scene.firm.id
    liaison = await people.member()
    session.add_all(
        [named_like_a_formula, scene.branch,
         Assignment(role=Duty.LIAISON, account_id=liaison.id, enterprise_id=named_like_a_formula.id, since=TODAY)]
    )
    await session.flush()
    query = {"area_id": str(scene.county.root.id)}
    url, headers = f"{URL}/enterprises", scene.admin.headers
    answer = await client.get(url, params=query | {"format": "csv"}, headers=headers)
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    today = TODAY.isoformat()
    assert rows[1:] == [
        ["'=cmd()", "第一网格", today, "否", "", "是", "0", "1"], ["企业1", "东风社区", today, "是", "联合党支部", "是", "0", "0"],
    ]
    answer = await client.get(url, params=query | {"format": "xlsx", "covered": "organisation"}, headers=headers)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == ["企业1"]


async def test_a_page_costs_the_same_with_many_rows(client, session, people, scene, statements) -> None:
    for number in range(2, 12):
        firm = await make_firm(session, scene.county.grid, scene.county.root, number)
        own = await make_organisation(session, scene.county.grid, enterprise_id=firm.id)
        helper = await people.member()
        session.add(Assignment(role=Duty.LIAISON, account_id=helper.id, enterprise_id=firm.id, since=TODAY))
        session.add(Cover(organisation_id=scene.branch.id, enterprise_id=firm.id, since=TODAY))
        assert own.id
    await session.flush()
    costs = {}
    for path in ("/coverage/enterprises", f"/organisations/{scene.branch.id}/covers"):
        for limit in (1, 10):
            statements.clear()
            query = {"limit": limit} | ({"area_id": str(scene.county.grid.id)} if "coverage" in path else {})
            answer = await client.get(f"/api/v1{path}", params=query, headers=scene.admin.headers)
            assert len(answer.json()["items"]) == limit
            costs[path, limit] = len(statements)
        assert costs[path, 1] == costs[path, 10], path
    statements.clear()
    await client.get(URL, params={"area_id": str(scene.county.root.id)}, headers=scene.admin.headers)
    assert sum("enterprise" in statement and "count(" in statement for statement in statements) == 1


async def test_an_administrator_reads_who_is_assigned(client, session, people, scene) -> None:
    helper = await people.member()
    await members_service.set_profile(session, member_id=helper.id, real_name="李联络", occupation=None, area=scene.county.root)
    body = {"account_id": str(helper.id), "role": "liaison"}
    assert (await client.post(scene.url("enterprises", "assignments"), json=body, headers=scene.admin.headers)).status_code == 201
    [item] = await listed(client, scene.admin.headers, area_id=str(scene.county.root.id))
    assert [(one["role"], one["name"]) for one in item["assigned"]] == [("liaison", "李联络")]

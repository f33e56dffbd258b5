"""Looking for reports: the newest, the index and what the planner prefers find the same, whichever of them a page is made of."""

import pytest
import sqlalchemy as sa

from app.auth.roles import Role
from app.inbox import queries_search, views_search
from tests.reports.scene import Scene, on
from tests.support.people import Person

SMALL = 2


@pytest.fixture
async def walker(scene: Scene) -> Person:
    return await scene.people.member(grants=[on(Role.REVIEWER, scene.county.community.id)])


@pytest.fixture
async def manholes(scene: Scene) -> list[str]:
    """Newest first, with others between them and beside them in another community."""
    made = []
    for _ in range(4):
        made.append((await scene.file(description="井盖松动"))["id"])
        await scene.file(description="路灯不亮")
        await scene.file(description="井盖丢失", location=scene.county.place(other=True))
    return made[::-1]


async def walked(scene: Scene, person: Person, q: str, limit: int) -> list[str]:
    page = await scene.get(person, "/search", q=q, limit=limit)
    found = [one["id"] for one in page["items"]]
    while page["next_cursor"] is not None:
        page = await scene.get(person, "/search", q=q, limit=limit, cursor=page["next_cursor"])
        found += [one["id"] for one in page["items"]]
    return found


@pytest.mark.parametrize(("newest", "few"), [(100, 100), (SMALL, 100), (SMALL, 0), (1, 100), (1, 0)])
async def test_all_ways_find_the_same(
    scene: Scene, walker: Person, manholes: list[str], monkeypatch: pytest.MonkeyPatch, newest: int, few: int
) -> None:
    monkeypatch.setattr(queries_search, "NEWEST", newest)
    monkeypatch.setattr(queries_search, "FEW", few)
    for limit in (1, 3, 10):
        assert await walked(scene, walker, "井盖", limit) == manholes, limit
    assert await walked(scene, walker, "井盖 松动", 2) == manholes and await walked(scene, walker, "丢失", 2) == []


async def test_the_judge_sees_when_only_the_newest_are_looked_through(
    scene: Scene, walker: Person, manholes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries_search, "NEWEST", 5)
    assert await walked(scene, walker, "井盖", 10) == manholes
    monkeypatch.setattr(queries_search, "_count", lambda rows: sa.literal(queries_search.FEW))
    assert await walked(scene, walker, "井盖", 10) == manholes[:1]


async def test_the_end_of_a_number_is_found_however_old(scene: Scene, walker: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries_search, "NEWEST", 1)
    numbered = await scene.file(description="路灯不亮")
    tail = numbered["number"][-6:]
    written = [(await scene.file(description=f"电表号 {tail} 的箱子坏了"))["id"] for _ in range(SMALL)]
    await scene.file(description="井盖松动")
    for limit in (1, 10):
        assert await walked(scene, walker, tail, limit) == [*written[::-1], numbered["id"]], limit


async def test_what_fills_a_page_is_not_looked_for_elsewhere(
    scene: Scene, walker: Person, manholes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way through the index is one that fails as soon as it is begun, and not while it is planned."""
    fails = 1 / sa.cast(sa.func.random() * 0, sa.Integer) > 0
    monkeypatch.setattr(queries_search, "NEWEST", 11)
    monkeypatch.setattr(queries_search, "_whole", lambda indexed: indexed.where(fails).cte("indexed").prefix_with("MATERIALIZED"))
    monkeypatch.setattr(views_search, "SPARE", 0)
    page = await scene.get(walker, "/search", q="松动", limit=1)
    assert [one["id"] for one in page["items"]] == manholes[:1]
    answer = await scene.client.get("/api/v1/reports/search", params={"q": "松动", "limit": 10}, headers=walker.headers)
    assert answer.status_code == 500

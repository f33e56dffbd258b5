"""Kinds and formation ways as data; trades and the days of an organisation; who stands above and below whom."""

from datetime import timedelta
from typing import Any

import pytest

from app import clock
from app.areas.models import Area
from app.auth.roles import Role, ScopeType
from app.organisations import queries_tree
from app.organisations.models import Formation, Organisation, OrganisationKind

URL = "/api/v1/organisations"
TODAY = clock.today()


def body(area: Area, **more: Any) -> dict[str, Any]:
    return {"name": "快递党支部", "kind": "branch", "formation": "independent", "area_id": str(area.id), **more}


@pytest.fixture
async def admin(people, county):
    return await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])


async def test_the_contracts_words_are_seeded(client, people) -> None:
    rider = await people.member()
    kinds = (await client.get(f"{URL}/kinds", headers=rider.headers)).json()
    assert {kind["code"] for kind in kinds} == set(OrganisationKind)
    assert {kind["code"]: kind["name"] for kind in kinds}["mobile_branch"] == "流动党员党支部"
    assert [kind["code"] for kind in kinds if kind["by_trade"]] == ["trade_committee"]
    assert {kind["code"] for kind in kinds if not kind["takes_in"]} == {"trade_committee", "group"}
    formations = (await client.get(f"{URL}/formations", headers=rider.headers)).json()
    assert {formation["code"] for formation in formations} == set(Formation)
    assert all(formation["name"] and formation["in_force"] for formation in formations)
    assert (await client.get(f"{URL}/kinds")).status_code == 401


@pytest.mark.parametrize("words", ["kinds", "formations"])
async def test_only_the_platform_changes_words(client, people, county, admin, words: str) -> None:
    change = {"name": "功能型党支部"}
    for who in (admin, await people.member(), await people.console(grants=[(Role.AUDITOR, ScopeType.AREA, county.root.id)])):
        assert (await client.put(f"{URL}/{words}/functional_branch", json=change, headers=who.headers)).status_code == 403
    platform = await people.console()
    for wrong in ("Functional", "x", "a-b"):
        assert (await client.put(f"{URL}/{words}/{wrong}", json=change, headers=platform.headers)).status_code == 422
    for wrong_body in ({}, {"name": ""}, {"name": "名", "code": "other"}):
        assert (await client.put(f"{URL}/{words}/functional_branch", json=wrong_body, headers=platform.headers)).status_code == 422
    assert (await client.put(f"{URL}/{words}/functional_branch", json=change, headers=platform.headers)).status_code == 200


async def test_a_new_word_is_used_renamed_and_put_out_of_force(client, people, county, admin) -> None:
    platform = (await people.console()).headers
    kind = {"name": "功能型党支部", "takes_in": True, "by_trade": False, "rank": 15, "in_force": True}
    put = await client.put(f"{URL}/kinds/functional_branch", json=kind, headers=platform)
    assert put.json() == {"code": "functional_branch"} | kind
    await client.put(f"{URL}/formations/station", json={"name": "驿站组建"}, headers=platform)
    new = body(county.street, kind="functional_branch", formation="station")
    answer = await client.post(URL, json=new, headers=admin.headers)
    made = answer.json()
    assert (answer.status_code, made["kind_name"], made["formation_name"]) == (201, "功能型党支部", "驿站组建")
    listed = (await client.get(f"{URL}?kind=functional_branch", headers=admin.headers)).json()["items"]
    assert [item["id"] for item in listed] == [made["id"]]

    await client.put(f"{URL}/kinds/functional_branch", json=kind | {"name": "临时党支部", "in_force": False}, headers=platform)
    url = f"{URL}/{made['id']}"
    assert (await client.get(url, headers=admin.headers)).json()["kind_name"] == "临时党支部"
    refused = await client.post(URL, json=new, headers=admin.headers)
    assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["body", "kind"])
    # Those that have it keep it, whatever else of them changes; nobody goes back to it.
    back = {"kind": "functional_branch"}
    for change, status in ((back | {"name": "甲"}, 200), ({"kind": "branch"}, 200), (back, 422)):
        assert (await client.patch(url, json=change, headers=admin.headers)).status_code == status
    for field in ("kind", "formation"):
        unknown = await client.patch(url, json={field: "club"}, headers=admin.headers)
        assert (unknown.status_code, unknown.json()["errors"][0]["loc"]) == (422, ["body", field])


async def test_trades_and_days(client, people, county, admin) -> None:
    given = {"trades": ["streamer", "courier", "courier"], "founded_on": "2025-07-01"}
    made = (await client.post(URL, json=body(county.street, **given), headers=admin.headers)).json()
    assert (made["trades"], made["founded_on"], made["dissolved_on"]) == (["courier", "streamer"], "2025-07-01", None)
    url = f"{URL}/{made['id']}"
    assert (await client.patch(url, json={"trades": []}, headers=admin.headers)).json()["trades"] == []
    for wrong in ({"trades": None}, {"founded_on": None}, {"dissolved_on": "2025-06-30"}):
        assert (await client.patch(url, json=wrong, headers=admin.headers)).status_code == 422, wrong

    async def listed(**query: Any) -> int:
        return len((await client.get(URL, params={"area_id": str(county.root.id), **query}, headers=admin.headers)).json()["items"])

    code = {"purpose": "registration", "target_id": made["id"]}
    assert (await listed(), await listed(dissolved=True)) == (1, 0)
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    assert (await client.patch(url, json={"dissolved_on": tomorrow}, headers=admin.headers)).status_code == 200
    assert (await listed(), await listed(dissolved=True)) == (1, 0)
    assert (await client.post("/api/v1/qrcodes", json=code, headers=admin.headers)).status_code == 201
    assert (await client.patch(url, json={"dissolved_on": TODAY.isoformat()}, headers=admin.headers)).status_code == 200
    assert (await listed(), await listed(dissolved=True)) == (0, 1)
    refused = await client.post("/api/v1/qrcodes", json=code, headers=admin.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await client.get(url, headers=admin.headers)).json()["dissolved_on"] == TODAY.isoformat()
    assert (await client.patch(url, json={"dissolved_on": None}, headers=admin.headers)).status_code == 200
    assert await listed() == 1


async def chain(session, area: Area, length: int) -> list[Organisation]:
    """Organisations each of which stands below the one before it."""
    made: list[Organisation] = []
    for number in range(length):
        made.append(
            Organisation(
                name=f"第{number}级", kind="branch", formation="joint", area_id=area.id, area_path=area.path,
                parent_id=made[-1].id if made else None,
            )
        )
        session.add(made[-1])
        await session.flush()
    return made


async def test_the_tree_is_nested_and_cut(client, session, people, county, statements) -> None:
    rider = await people.member()
    ranks = await chain(session, county.root, queries_tree.DEPTH + 3)
    gone = Organisation(
        name="已撤销", kind="branch", formation="joint", area_id=county.root.id, area_path=county.root.path, parent_id=ranks[0].id,
        founded_on=TODAY - timedelta(days=9), dissolved_on=TODAY,
    )
    session.add(gone)
    await session.flush()
    statements.clear()
    node = (await client.get(f"{URL}/{ranks[0].id}/tree", headers=rider.headers)).json()
    assert sum("WITH RECURSIVE" in statement for statement in statements) == 1
    names = []
    while node["children"]:
        names.append(node["name"])
        assert (node["children_count"], len(node["children"])) == (1, 1), "the dissolved one is not there"
        [node] = node["children"]
    assert [*names, node["name"]] == [rank.name for rank in ranks[: queries_tree.DEPTH + 1]]
    assert node["children_count"] == 1, "more below than is shown"
    low = (await client.get(f"{URL}/{ranks[3].id}", headers=rider.headers)).json()
    assert [above["name"] for above in low["ancestors"]] == ["第0级", "第1级", "第2级"]
    roots = (await client.get(f"{URL}?root=true", headers=rider.headers)).json()["items"]
    assert [item["id"] for item in roots] == [str(ranks[0].id)]
    below = (await client.get(f"{URL}?parent_id={ranks[2].id}", headers=rider.headers)).json()["items"]
    assert [item["id"] for item in below] == [str(ranks[3].id)]
    for path in ("/tree", ""):
        assert (await client.get(f"{URL}/{county.root.id}{path}", headers=rider.headers)).status_code == 404
    assert (await client.get(f"{URL}?parent_id={county.root.id}", headers=rider.headers)).status_code == 404


async def test_a_wide_tree_is_bounded(client, session, people, county, monkeypatch) -> None:
    monkeypatch.setattr(queries_tree, "NODES", 4)
    rider = await people.member()
    [top] = await chain(session, county.root, 1)
    for _ in range(6):
        session.add(
            Organisation(name="支", kind="group", formation="joint", area_id=top.area_id, area_path=top.area_path, parent_id=top.id)
        )
    await session.flush()
    node = (await client.get(f"{URL}/{top.id}/tree", headers=rider.headers)).json()
    assert (node["children_count"], len(node["children"])) == (6, 3)

"""Printed codes: who may issue them, what a scan opens, their pictures while WeChat answers and while it does not."""

import io
from uuid import uuid4

import pytest
from PIL import Image

from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.organisations.models import Formation, Organisation, OrganisationKind
from app.qrcodes import workflow

API = "/api/v1/qrcodes"


@pytest.fixture
async def branch(session, county):
    made = Organisation(
        name="快递<党>支部", kind=OrganisationKind.BRANCH, formation=Formation.INDEPENDENT, area_id=county.community.id,
        area_path=county.community.path,
    )
    session.add(made)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ORGANISATION, scope_id=made.id, area_path=made.area_path, name=made.name)
    return made


@pytest.fixture
async def secretary(people, branch):
    return await people.member(grants=[(Role.ORG_SECRETARY, ScopeType.ORGANISATION, branch.id)])


@pytest.fixture
async def code(client, branch, secretary):
    told = {"purpose": "registration", "target_id": str(branch.id), "title": "驿站海报"}
    answer = await client.post(API, json=told, headers=secretary.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
async def fault(simulator):
    async def make(**wish):
        answer = await simulator.http.post("/_simulator/faults", json={"path": "/wxa/getwxacodeunlimit", "times": None} | wish)
        assert answer.status_code == 204

    yield make
    await simulator.http.delete("/_simulator/faults")


async def test_a_scan_says_to_everybody_where_it_leads(client, branch, code) -> None:
    scene = code["scene"]
    assert len(scene) <= 32 and scene.isalnum() and scene.isascii()
    assert code["landing_url"] == f"http://test/s/{scene}" and code["image_url"] == f"http://test{API}/{scene}/image"
    assert (code["version"], code["allowed"]) == (1, ["deactivate"])
    seen = await client.get(f"{API}/{scene}")
    assert seen.status_code == 200
    assert seen.json()["target"]["name"] == branch.name and seen.json()["purpose"] == "registration"
    page = await client.get(f"/s/{scene}")
    assert page.headers["content-type"].startswith("text/html") and "微信" in page.text
    assert "快递&lt;党&gt;支部" in page.text and branch.name not in page.text
    for unknown in ("nosuchcode", "a" * 33, "nul%00", "%E4%B8%AD"):
        for path in (f"{API}/{unknown}", f"{API}/{unknown}/image", f"/s/{unknown}"):
            assert (await client.get(path)).status_code == 404


async def test_a_code_out_of_use_is_gone(client, people, secretary, code) -> None:
    path = f"{API}/{code['id']}/deactivate"
    stranger = await people.member()
    assert (await client.post(path, headers=stranger.headers)).status_code == 404
    assert (await client.post(path, headers=secretary.headers | {"If-Match": '"7"'})).status_code == 412
    done = await client.post(path, headers=secretary.headers | {"If-Match": '"1"'})
    assert (done.status_code, done.json()["active"], done.json()["allowed"]) == (200, False, [])
    assert (await client.post(path, headers=secretary.headers)).status_code == 409
    for gone in (f"{API}/{code['scene']}", f"{API}/{code['scene']}/image", f"/s/{code['scene']}"):
        answer = await client.get(gone)
        assert (answer.status_code, answer.json()["code"]) == (410, "qrcode_inactive")


async def test_who_issues_and_who_sees_them(client, people, county, branch, secretary, code) -> None:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.street.id)])
    neighbour = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)])
    stranger = await people.member()
    told = {"purpose": "registration", "target_id": str(branch.id)}
    for who, status in ((stranger, 403), (neighbour, 403), (admin, 201)):
        assert (await client.post(API, json=told, headers=who.headers)).status_code == status
    assert (await client.post(API, json=told | {"target_id": str(uuid4())}, headers=admin.headers)).status_code == 404
    for purpose in ("station", "activity", "poem"):
        refused = await client.post(API, json=told | {"purpose": purpose}, headers=admin.headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")
    for who, count in ((secretary, 2), (admin, 2), (neighbour, 0), (stranger, 0)):
        assert len((await client.get(API, headers=who.headers)).json()["items"]) == count
    first = (await client.get(API, headers=admin.headers, params={"limit": 1})).json()
    rest = (await client.get(API, headers=admin.headers, params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [row["id"] for row in rest["items"]] == [code["id"]] and rest["next_cursor"] is None


async def test_the_picture_is_drawn_once_by_wechat(client, code, simulator) -> None:
    async def drawn() -> int:
        return int((await simulator.http.get("/_simulator/calls")).json().get("/wxa/getwxacodeunlimit", 0))

    before = await drawn()
    first = await client.get(f"{API}/{code['scene']}/image")
    again = await client.get(f"{API}/{code['scene']}/image")
    assert first.headers["content-type"] == "image/png" and first.content == again.content
    assert "max-age=86400" in first.headers["cache-control"]
    assert await drawn() == before + 1
    assert Image.open(io.BytesIO(first.content)).format == "PNG"


@pytest.mark.parametrize("wish", [{"errcode": 45009}, {"errcode": 41030}, {"body": "not a picture"}])
async def test_without_wechat_an_ordinary_code_stands_in_and_is_not_kept(client, code, fault, simulator, wish) -> None:
    await fault(**wish)
    stopgap = await client.get(f"{API}/{code['scene']}/image")
    assert stopgap.status_code == 200 and "max-age=60" in stopgap.headers["cache-control"]
    assert Image.open(io.BytesIO(stopgap.content)).format == "PNG"
    await simulator.http.delete("/_simulator/faults")
    later = await client.get(f"{API}/{code['scene']}/image")
    assert later.content != stopgap.content and "max-age=86400" in later.headers["cache-control"]


def test_scenes_are_short_and_never_the_same() -> None:
    scenes = {workflow.new_scene() for _ in range(2_000)}
    assert len(scenes) == 2_000 and all(len(scene) == 12 and set(scene) <= set(workflow.SYMBOLS) for scene in scenes)
    assert not set("ilou") & set(workflow.SYMBOLS)

"""Printed codes: who may issue them, what a scan opens, their pictures while WeChat answers and while it does not."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from PIL import Image

from app import clock
from app.auth.roles import Role, ScopeType
from app.qrcodes import service, workflow
from app.qrcodes.errors import QrcodeInactive
from app.qrcodes.models import Purpose
from tests.qrcodes.conftest import API

PRINTS_NONE = {"certificate": [(403, "forbidden"), (404, "not_found")]}


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
    for purpose in ("station", "activity", "certificate", "poem"):
        refused = await client.post(API, json=told | {"purpose": purpose}, headers=admin.headers)
        # A certificate's feature issues its codes itself: it is there or not, nobody prints one.
        assert (refused.status_code, refused.json()["code"]) in {(422, "validation_error"), *PRINTS_NONE.get(purpose, ())}
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


@pytest.mark.parametrize("wish", [{"errcode": 43108}, {"errcode": 41030}, {"body": "not a picture"}])
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


async def test_a_code_ends_with_its_days_or_its_uses(client, session, branch, secretary) -> None:
    told = {"purpose": "registration", "target_id": str(branch.id)}
    past = (clock.now() - timedelta(seconds=1)).isoformat()
    for wrong in ({"expires_at": past}, {"max_uses": 0}, {"max_uses": 100_001}, {"max_uses": "5"}):
        refused = await client.post(API, json=told | wrong, headers=secretary.headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_error"), wrong
    limits = {"expires_at": (clock.now() + timedelta(days=2)).isoformat(), "max_uses": 2}
    made = (await client.post(API, json=told | limits, headers=secretary.headers)).json()
    assert (made["max_uses"], made["uses"], made["active"], made["allowed"]) == (2, 0, True, ["deactivate"])
    for _ in range(2):
        await service.use(session, qrcode_id=made["id"])
    with pytest.raises(QrcodeInactive, match="qrcode_inactive") as refusal:
        await service.use(session, qrcode_id=made["id"])
    assert "次数已满" in refusal.value.sentence
    gone = await client.get(f"{API}/{made['scene']}")
    assert (gone.status_code, gone.json()["code"]) == (410, "qrcode_inactive") and "次数已满" in gone.json()["detail"]
    (listed,) = (await client.get(API, headers=secretary.headers)).json()["items"]
    assert (listed["uses"], listed["active"], listed["allowed"], listed["version"]) == (2, False, [], 1)
    again = await client.post(f"{API}/{made['id']}/deactivate", headers=secretary.headers)
    assert (again.status_code, again.json()["current_status"]) == (409, "used_up")


async def test_the_database_decides_what_has_expired(client, session, branch, secretary) -> None:
    made = await service.make(
        session, purpose=Purpose.REGISTRATION, target_id=branch.id, title=None, issued_by=secretary.id,
        expires_at=clock.now() - timedelta(seconds=5),
    )
    with pytest.raises(QrcodeInactive) as refusal:
        await service.use(session, qrcode_id=made.id)
    gone = await client.get(f"{API}/{made.scene}")
    assert gone.status_code == 410 and "已过期" in gone.json()["detail"] and "已过期" in refusal.value.sentence
    with pytest.raises(QrcodeInactive):
        await service.use(session, qrcode_id=uuid4())


async def test_codes_of_features_that_issue_them_stand_in_no_list(client, session, secretary) -> None:
    made = await service.make(session, purpose=Purpose.CERTIFICATE, target_id=uuid4(), title=None, issued_by=secretary.id)
    assert made.max_uses is None and not made.typed
    assert (await client.get(API, headers=secretary.headers)).json()["items"] == []

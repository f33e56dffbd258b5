"""Invitations: who gives them out, how a person types them, what ends them; with WeChat there and away."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from app import clock
from app.auth.roles import Role, ScopeType
from app.qrcodes import sms
from app.security import typed_codes
from tests.qrcodes.conftest import API, LINK_CALL

BASE = "/api/v1/organisations"


async def test_an_invitation_is_ready_to_be_sent(client, branch, secretary, invite) -> None:
    made = await invite(title="冬季走访", max_uses=50)
    assert set(made) == {
        "id", "code", "scene", "title", "landing_url", "image_url", "url_link", "url_link_until", "sms_text", "expires_at", "max_uses",
        "uses", "active", "created_at", "version", "allowed",
    }
    symbols = typed_codes.read(made["code"])
    assert symbols and typed_codes.fits(symbols) and made["code"] == typed_codes.grouped(symbols) and made["scene"] == symbols.lower()
    assert made["landing_url"] == f"http://test/s/{made['scene']}" and made["image_url"] == f"http://test{API}/{made['scene']}/image"
    assert made["url_link"].startswith("https://wxaurl.cn/")
    month = timedelta(days=30)
    for end in ("expires_at", "url_link_until"):
        assert abs(datetime.fromisoformat(made[end]) - clock.now() - month) < timedelta(minutes=1)
    assert (made["max_uses"], made["uses"], made["active"], made["version"], made["allowed"]) == (50, 0, True, 1, ["revoke"])
    link = min(made["landing_url"], made["url_link"], key=len)
    assert link in made["sms_text"] and branch.name in made["sms_text"] and sms.length(made["sms_text"]) <= 70
    (listed,) = (await client.get(f"{BASE}/{branch.id}/invitations", headers=secretary.headers)).json()["items"]
    assert listed == made


@pytest.mark.parametrize(
    "wrong", [{"valid_days": 0}, {"valid_days": 366}, {"max_uses": 0}, {"max_uses": 10_001}, {"title": ""}, {"scene": "x"}]
)
async def test_an_invitation_keeps_its_bounds(client, branch, secretary, wrong) -> None:
    refused = await client.post(f"{BASE}/{branch.id}/invitations", json=wrong, headers=secretary.headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")


async def test_a_code_may_be_typed_as_people_type(client, people, invite, body) -> None:
    made = await invite()
    code = made["code"]
    for text in (made["scene"], code, code.lower(), f" {code.replace('-', ' ')} ", code.replace("0", "O").replace("1", "l")):
        seen = await client.get(f"{API}/{text}")
        assert (seen.status_code, seen.json().get("scene")) == (200, made["scene"]), text
        assert (await client.get(f"/s/{text}")).status_code == 200
    symbols = code.replace("-", "")
    wrong = symbols[:-1] + next(symbol for symbol in typed_codes.ALPHABET if symbol != symbols[-1])
    for text in (typed_codes.grouped(wrong), typed_codes.grouped(wrong).lower().replace("-", " ")):
        mistyped = await client.get(f"{API}/{text}")
        assert (mistyped.status_code, mistyped.json()["code"]) == (422, "code_malformed"), text
    never_given = typed_codes.draw()
    for text in (never_given, wrong, "doesnotexist", f"{code}-{code}", code[:-1], f"{symbols[:-1]}*", "一" * 12):
        assert (await client.get(f"{API}/{text}")).status_code == 404, text
    rider = await people.member()
    registered = await client.post("/api/v1/registrations", json=body(scene=code.lower()), headers=rider.headers)
    assert registered.status_code == 201 and registered.json()["organisation"]["name"] == "快递<党>支部"
    other = await people.member()
    refused = await client.post("/api/v1/registrations", json=body(scene=typed_codes.grouped(wrong)), headers=other.headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "code_malformed")


async def test_a_printed_code_is_no_typed_one(client, code) -> None:
    """A scene that is none of an invitation is found exactly or not at all."""
    assert (await client.get(f"{API}/{code['scene']}")).status_code == 200
    if code["scene"].upper() != code["scene"]:
        assert (await client.get(f"{API}/{code['scene'].upper()}")).status_code in (404, 422)


async def test_who_invites(client, people, county, branch, secretary, invite) -> None:
    instructor = await people.member(grants=[(Role.INSTRUCTOR, ScopeType.ORGANISATION, branch.id)])
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.street.id)])
    neighbour = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)])
    reviewer = await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.street.id)])
    rider = await people.member()
    made, path = await invite(), f"{BASE}/{branch.id}/invitations"
    for who in (secretary, instructor, admin):
        assert (await client.get(path, headers=who.headers)).status_code == 200
        own = await client.post(path, json={}, headers=who.headers)
        assert own.status_code == 201
        assert (await client.post(f"{path}/{own.json()['id']}/revoke", headers=who.headers)).status_code == 200
    for who in (neighbour, reviewer, rider):
        assert (await client.get(path, headers=who.headers)).status_code == 404
        assert (await client.post(path, json={}, headers=who.headers)).status_code == 403
        assert (await client.post(f"{path}/{made['id']}/revoke", headers=who.headers)).status_code == 403
    assert (await client.post(f"{BASE}/{uuid4()}/invitations", json={}, headers=admin.headers)).status_code == 404
    assert (await client.post(path, json={})).status_code == 401


async def test_a_stranger_costs_no_call_of_wechat(client, people, branch, links_asked) -> None:
    rider, before = await people.member(), await links_asked()
    assert (await client.post(f"{BASE}/{branch.id}/invitations", json={}, headers=rider.headers)).status_code == 403
    assert await links_asked() == before


async def test_a_revoked_invitation_opens_nothing(client, branch, secretary, invite) -> None:
    made, other = await invite(), await invite()
    path = f"{BASE}/{branch.id}/invitations/{made['id']}/revoke"
    assert (await client.post(path, headers=secretary.headers | {"If-Match": '"2"'})).status_code == 412
    assert (await client.post(path.replace(made["id"], str(uuid4())), headers=secretary.headers)).status_code == 404
    done = (await client.post(path, headers=secretary.headers | {"If-Match": '"1"'})).json()
    assert (done["active"], done["version"], done["allowed"], done["url_link"], done["url_link_until"]) == (False, 2, [], None, None)
    assert made["url_link"] not in done["sms_text"]
    again = await client.post(path, headers=secretary.headers)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    gone = await client.get(f"{API}/{made['code']}")
    assert (gone.status_code, gone.json()["code"]) == (410, "qrcode_inactive") and "停用" in gone.json()["detail"]
    newest, oldest = (await client.get(f"{BASE}/{branch.id}/invitations", headers=secretary.headers)).json()["items"]
    assert (newest["id"], newest["active"], oldest) == (other["id"], True, done)


async def test_another_organisations_invitation_is_not_found(client, people, county, branch, secretary, other_branch, invite) -> None:
    made = await invite()
    elsewhere = f"{BASE}/{other_branch.id}/invitations/{made['id']}/revoke"
    assert (await client.post(elsewhere, headers=other_branch.secretary.headers)).status_code == 404
    assert (await client.get(f"{BASE}/{other_branch.id}/invitations", headers=other_branch.secretary.headers)).json()["items"] == []


@pytest.mark.parametrize("wish", [{"errcode": 43108}, {"errcode": 85079}, {"status": 502}, {"body": '{"url_link": "javascript:alert(1)"}'}])
async def test_an_invitation_is_made_while_wechat_is_away(invite, fault, wish) -> None:
    await fault(LINK_CALL, **wish)
    made = await invite()
    assert (made["url_link"], made["url_link_until"]) == (None, None)
    assert made["landing_url"] in made["sms_text"] and made["code"] in made["sms_text"]


async def test_a_link_does_not_outlive_its_code(invite) -> None:
    made = await invite(valid_days=7)
    assert made["url_link_until"] <= made["expires_at"]
    assert datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["url_link_until"]) < timedelta(minutes=1)


async def test_a_year_long_invitation_is_sent_with_the_address_that_lasts(invite) -> None:
    made = await invite(valid_days=365)
    assert made["url_link"] and made["url_link"] not in made["sms_text"] and made["landing_url"] in made["sms_text"]


async def test_the_same_key_makes_one_invitation(client, branch, secretary) -> None:
    path, headers = f"{BASE}/{branch.id}/invitations", secretary.headers | {"Idempotency-Key": "invite-0001"}
    first = await client.post(path, json={"max_uses": 3}, headers=headers)
    again = await client.post(path, json={"max_uses": 3}, headers=headers)
    assert again.json() == first.json() and again.headers["idempotency-replayed"] == "true"
    assert len((await client.get(path, headers=secretary.headers)).json()["items"]) == 1


@pytest.mark.parametrize(("name", "link", "holds_code", "holds_name"), [
    ("兖州区快递行业党支部", "https://wxaurl.cn/Ab3dEf7hIjk", True, True),
    ("兖州区快递行业党支部", "https://xinxin.example.gov.cn/s/7k3m9q2x5t86", False, True),
    ("很长的名字" * 24, "https://wxaurl.cn/Ab3dEf7hIjk", True, False),
    ("😀" * 60, "https://wxaurl.cn/Ab3dEf7hIjk", False, False),
    ("党支部", "https://" + "x" * 200 + ".cn/s/7k3m9q2x5t86", False, False),
])
def test_a_text_fits_one_sms(name: str, link: str, holds_code: bool, holds_name: bool) -> None:
    text = sms.text(name=name, code="7K3M-9Q2X-5T86", links=[link, link + "/longer"])
    assert sms.length(text) <= max(70, len(link)) and link in text and "/longer" not in text
    assert ("7K3M-9Q2X-5T86" in text, name in text) == (holds_code, holds_name), text
    assert len(text) == len(link) or text.split(link)[1][:1] in ("", " ")

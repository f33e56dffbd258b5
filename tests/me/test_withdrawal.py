"""What a withdrawn consent closes."""

import pytest

API = "/api/v1"


async def current(client, purpose: str) -> str:
    return next(text["version"] for text in (await client.get(f"{API}/members/consent-texts")).json() if text["purpose"] == purpose)


async def register(client, rider, county, **declared) -> None:
    consents = [{"purpose": purpose, "version": await current(client, purpose)} for purpose in ("service", "party_identity")]
    body = {
        "consents": consents, "real_name": "张三", "occupation": "courier", "work_area_id": str(county.grid.id),
        "employers": [{"name": "闪送"}],
    }
    made = await client.post(f"{API}/registrations", json=body | declared, headers=rider.headers)
    assert made.status_code == 201, made.text


PARTY = {"political_status": "full_member", "party": {"home_branch": "外地某某支部", "relation": "elsewhere"}}


@pytest.mark.parametrize(
    ("declared", "purpose", "stays"),
    [(PARTY, "party_identity", False), (PARTY, "service", True), ({"political_status": "masses"}, "party_identity", True)],
)
async def test_the_party_consent_closes_what_stood_on_it_alone(client, people, county, declared, purpose: str, stays: bool) -> None:
    rider = await people.member()
    await register(client, rider, county, **declared)
    assert (await client.get(f"{API}/members/me", headers=rider.headers)).json()["registration"] is not None
    body = {"version": await current(client, purpose), "granted": False}
    answer = await client.put(f"{API}/members/me/consents/{purpose}", json=body, headers=rider.headers)
    assert answer.status_code == 200, answer.text
    profile = (await client.get(f"{API}/members/me", headers=rider.headers)).json()
    assert (profile["registration"] is not None) == stays
    assert profile["real_name"] == "张三"
    copy = (await client.get(f"{API}/members/me/export", headers=rider.headers)).text
    assert ("外地某某支部" in copy) == (stays and declared is PARTY)


async def test_a_refused_withdrawal_closes_nothing(client, people, county) -> None:
    rider = await people.member()
    await register(client, rider, county, **PARTY)
    body = {"version": "1999-01", "granted": False}
    refused = await client.put(f"{API}/members/me/consents/party_identity", json=body, headers=rider.headers)
    assert refused.status_code == 422
    assert (await client.get(f"{API}/members/me", headers=rider.headers)).json()["registration"]["status"] == "pending"

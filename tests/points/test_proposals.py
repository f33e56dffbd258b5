"""Changes by hand take two persons; a claw-back takes back exactly one line; what was spent becomes debt."""

import io

import httpx
from PIL import Image

from app import clock
from app.points import service
from tests.points.conftest import Cast, Earn
from tests.points.test_ledger import expect_balanced, shown

API = "/api/v1"


async def proof(client: httpx.AsyncClient, who) -> str:
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(picture, "PNG")
    answer = await client.post(f"{API}/uploads", files={"file": ("proof.png", picture.getvalue(), "image/png")}, headers=who.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def adjust(client, who, member_id, amount, **fields) -> httpx.Response:
    body = {"member_id": str(member_id), "amount": amount, "reason": "线下补记", "upload_id": await proof(client, who)} | fields
    return await client.post(f"{API}/points/adjustments", json=body, headers=who.headers | {"Idempotency-Key": f"adjustment-{amount:+d}"})


async def test_two_persons_give_points(client, session, cast: Cast) -> None:
    made = await adjust(client, cast.admin, cast.rider.id, 50)
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    path = f"{API}/points/adjustments/{made.json()['id']}"
    own = await client.post(f"{path}/approve", headers=cast.admin.headers)
    assert (own.status_code, own.json()["code"]) == (403, "forbidden")
    assert await shown(client, cast) == (0, 0, 0)
    elsewhere = await client.post(f"{path}/approve", headers=cast.stranger.headers)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "not_found")
    approved = await client.post(f"{path}/approve", headers=cast.second.headers)
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    again = await client.post(f"{path}/reject", headers=cast.second.headers)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    assert await shown(client, cast) == (50, 0, 0)
    await expect_balanced(session)


async def test_who_may_not_propose(client, cast: Cast) -> None:
    rider = await adjust(client, cast.rider, cast.admin.id, 50)
    assert rider.status_code == 404
    foreign = await adjust(client, cast.stranger, cast.rider.id, 50)
    assert foreign.status_code == 404
    nothing = await adjust(client, cast.admin, cast.rider.id, 0)
    assert (nothing.status_code, nothing.json()["code"]) == (422, "validation_error")
    without_key = await client.post(
        f"{API}/points/adjustments", json={"member_id": str(cast.rider.id), "amount": 1, "reason": "x", "upload_id": str(cast.rider.id)},
        headers=cast.admin.headers,
    )
    assert without_key.json()["code"] == "idempotency_key_missing"


async def test_what_was_spent_becomes_debt_and_later_earnings_pay_it(client, session, cast: Cast, earn: Earn, shops) -> None:
    await earn(cast.rider.id)
    line = (await client.get(f"{API}/points/me/entries", headers=cast.rider.headers)).json()["items"][0]
    order = {"member_id": cast.rider.id, "redemption_id": cast.second.id, "number": "D1"}
    await service.hold(session, amount=10, **order)
    month = clock.month_start(clock.today())
    await service.capture(session, amount=10, actor_id=cast.second.id, store_id=shops[0], month=month, **order)
    body = {"entry_id": line["id"], "reason": "虚假上报", "upload_id": await proof(client, cast.admin)}
    made = await client.post(f"{API}/points/clawbacks", json=body, headers=cast.admin.headers)
    assert made.status_code == 201, made.text
    second = body | {"upload_id": await proof(client, cast.admin)}
    assert (await client.post(f"{API}/points/clawbacks", json=second, headers=cast.admin.headers)).json()["code"] == "already_exists"
    approved = await client.post(f"{API}/points/clawbacks/{made.json()['id']}/approve", headers=cast.second.headers)
    assert approved.status_code == 200, approved.text
    assert await shown(client, cast) == (0, 0, 10)
    await earn(cast.rider.id)
    assert await shown(client, cast) == (0, 0, 0)
    await earn(cast.rider.id)
    assert await shown(client, cast) == (10, 0, 0)
    await expect_balanced(session)


async def test_a_rule_changes_by_a_new_version(client, cast: Cast, county, earn: Earn) -> None:
    await earn(cast.rider.id)
    change = {"points": 20, "per_day": 5, "area_id": str(county.street.id)}
    refused = await client.put(f"{API}/points/rules/REPORT_ACCEPTED", json=change, headers=cast.stranger.headers)
    assert refused.json()["code"] == "forbidden"
    made = await client.put(f"{API}/points/rules/REPORT_ACCEPTED", json=change, headers=cast.admin.headers)
    assert (made.status_code, made.json()["version"]) == (200, 2)
    await earn(cast.rider.id)
    lines = (await client.get(f"{API}/points/me/entries", headers=cast.rider.headers)).json()["items"]
    assert [(line["amount"], line["rule_version"]) for line in lines] == [(20, 2), (10, 1)]

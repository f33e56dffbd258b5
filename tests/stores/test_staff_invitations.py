"""Staff come by a code that is typed or scanned, so many and no longer than was said, and go at once."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.db.session import AsyncSession
from app.security import typed_codes
from tests.redemptions.conftest import Shop, code_of, shop
from tests.support.people import People, Person

__all__ = ["shop"]
API = "/api/v1"
ACCEPT = "/stores/invitations/accept"
Invite = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def invite(shop: Shop) -> Invite:
    async def make(who: Person | None = None, role: str = "store_clerk", **told: Any) -> dict[str, Any]:
        made = await shop.post(who or shop.owner, f"/stores/{shop.id}/invitations", {"role": role} | told)
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    return make


async def test_a_clerk_comes_by_a_code_and_goes_at_once(shop: Shop, people: People, invite: Invite, client: httpx.AsyncClient) -> None:
    made, newcomer = await invite(max_uses=2), await people.member()
    assert (made["role"], made["max_uses"], made["uses"], made["allowed"]) == ("store_clerk", 2, 0, ["revoke"])
    seen = (await client.get(f"{API}/qrcodes/{made['scene']}")).json()
    assert (seen["purpose"], seen["target"]["id"], seen["target"]["role"]) == ("store_staff", shop.id, "store_clerk")
    page = await client.get(f"/s/{made['scene']}", headers={"Accept": "text/html"})
    assert page.status_code == 200 and made["code"] in page.text and "邀请您成为本店店员" in page.text
    came = await shop.post(newcomer, ACCEPT, {"code": made["code"].lower().replace("-", " ")})
    assert came.status_code == 201 and (came.json()["role"], came.json()["scope_name"]) == ("store_clerk", "东风便利店"), came.text
    assert came.json()["account_id"] == str(newcomer.id)
    assert code_of(await shop.post(newcomer, ACCEPT, {"scene": made["scene"]})) == (409, "already_exists")
    [listed] = (await shop.get(shop.owner, f"/stores/{shop.id}/invitations")).json()["items"]
    assert (listed["uses"], listed["active"]) == (1, True)
    order = await shop.order(await shop.reward())
    shown = await shop.post(newcomer, "/redemptions/preview", {"store_id": shop.id, "code": order["code"]})
    token = shown.json()["confirm_token"]
    gone = await client.delete(f"{API}/stores/{shop.id}/staff/{came.json()['id']}", headers=shop.owner.headers)
    assert gone.status_code == 204
    for path in ("preview", "verify"):
        for given in ({"code": order["code"]}, {"token": token}):
            refused = await shop.post(newcomer, f"/redemptions/{path}", {"store_id": shop.id} | given)
            assert code_of(refused) == (404, "not_found")
    assert code_of(await shop.post(newcomer, ACCEPT, {"code": made["code"]})) == (410, "qrcode_inactive")
    fresh = await invite()
    assert (await shop.post(newcomer, ACCEPT, {"code": fresh["code"]})).status_code == 201
    assert code_of(await shop.verify(token=token, who=shop.clerk)) == (404, "code_not_found")
    assert (await shop.verify(order["code"], who=newcomer)).status_code == 200


async def test_who_invites_whom(shop: Shop, people: People, invite: Invite, client: httpx.AsyncClient) -> None:
    path = f"/stores/{shop.id}/invitations"
    assert code_of(await shop.post(shop.owner, path, {"role": "store_owner"})) == (403, "forbidden")
    assert code_of(await shop.post(shop.clerk, path, {"role": "store_clerk"})) == (403, "forbidden")
    assert code_of(await shop.post(shop.rider, path, {"role": "store_clerk"})) == (404, "not_found")
    for wrong in ({"role": "reviewer"}, {"role": "store_clerk", "max_uses": 21}, {"role": "store_clerk", "expires_in_hours": 73}):
        assert code_of(await shop.post(shop.owner, path, wrong)) == (422, "validation_error")
    owners = await invite(shop.admin, "store_owner")
    listed = (await shop.get(shop.owner, path)).json()["items"]
    assert [(one["role"], one["code"], one["scene"], one["allowed"]) for one in listed] == [("store_owner", None, None, [])]
    assert owners["scene"] not in str(listed)
    ended = f"{API}{path}/{owners['id']}"
    assert (await client.delete(ended, headers=shop.owner.headers)).status_code == 403
    assert (await client.delete(f"{API}/stores/{shop.other_id}/invitations/{owners['id']}", headers=shop.admin.headers)).status_code == 404
    for told in ({"purpose": "store_staff", "target_id": shop.id}, {"purpose": "store_staff", "target_id": owners["id"]}):
        assert code_of(await shop.post(shop.admin, "/qrcodes", told)) == (403, "forbidden")
    assert owners["scene"] not in (await shop.get(shop.admin, "/qrcodes")).text
    assert code_of(await shop.post(shop.admin, ACCEPT, {"code": owners["code"]})) == (403, "forbidden")
    partner = await people.member()
    assert (await shop.post(partner, ACCEPT, {"code": owners["code"]})).json()["role"] == "store_owner"
    assert (await shop.get(partner, path)).json()["items"][0]["uses"] == 1
    cold = await invite()
    for who in (partner, shop.owner):
        assert (await client.delete(f"{API}{path}/{cold['id']}", headers=who.headers)).status_code == 204
    assert code_of(await shop.post(await people.member(), ACCEPT, {"code": cold["code"]})) == (410, "qrcode_inactive")


OVER = {
    "qrcode": ("expires_at = clock_timestamp()", "expires_at = clock_timestamp() + interval '1 day'"),
    "qrcode ": ("uses = max_uses", "uses = 0"),
    "access_grant": ("revoked_at = clock_timestamp()", "revoked_at = null"),
    "account": ("status = 'suspended'", "status = 'active'"),
    "account ": ("status = 'erased'", "status = 'active'"),
}
WHERE = {"qrcode": "scene = :scene", "access_grant": "account_id = :owner", "account": "id = :owner"}


async def test_an_invitation_that_is_over(shop: Shop, people: People, invite: Invite) -> None:
    """Its time or its uses are over, or who gave it out could not give the role any more; mended, each lets the same person in."""
    made, newcomer = await invite(), await people.member()
    values = {"scene": made["scene"], "owner": shop.owner.id}
    for table, (broken, mended) in OVER.items():
        where = WHERE[table.strip()]
        wanted = {name: value for name, value in values.items() if f":{name}" in where}
        await shop.sql(f"update {table} set {broken} where {where}", **wanted)
        assert code_of(await shop.post(newcomer, ACCEPT, {"code": made["code"]})) == (410, "qrcode_inactive"), broken
        assert not await shop.sql("select 1 from access_grant where account_id = :id", id=newcomer.id)
        await shop.sql(f"update {table} set {mended} where {where}", **wanted)
    assert (await shop.post(newcomer, ACCEPT, {"code": made["code"]})).status_code == 201


async def test_guessing_stops_the_account_that_guesses(shop: Shop, people: People, invite: Invite, session: AsyncSession) -> None:
    made, guesser = await invite(), await people.member()
    for text in ("", "123", made["code"][:-1] + ("0" if made["code"][-1] != "0" else "1")):
        assert code_of(await shop.post(guesser, ACCEPT, {"code": text})) == (422, "code_malformed")
    for wrong in ({}, {"code": made["code"], "scene": made["scene"]}, {"scene": "../x"}):
        assert code_of(await shop.post(guesser, ACCEPT, wrong)) == (422, "validation_error")
    poster = await shop.post(shop.owner, "/qrcodes", {"purpose": "store", "target_id": shop.id})
    assert code_of(await shop.post(guesser, ACCEPT, {"scene": poster.json()["scene"]})) == (404, "not_found")
    key = uuid4().hex
    for _ in range(2):  # asked again under its key, a wrong code is one guess
        assert code_of(await shop.post(guesser, ACCEPT, {"code": "0" * 12}, key)) == (404, "not_found")
    for _ in range(8):
        assert code_of(await shop.post(guesser, ACCEPT, {"code": typed_codes.draw()})) == (404, "not_found")
    stopped = await shop.post(guesser, ACCEPT, {"code": made["code"]})
    assert code_of(stopped) == (429, "too_many_attempts") and 0 < int(stopped.headers["Retry-After"]) <= 600
    assert (await shop.post(await people.member(), ACCEPT, {"code": made["code"]})).status_code == 201
    await shop.sql("update throttle_hit set created_at = created_at - interval '10 minutes'")
    assert code_of(await shop.post(guesser, ACCEPT, {"code": made["code"]})) == (410, "qrcode_inactive")
    assert code_of(await shop.post(await people.member(phone=None), ACCEPT, {"code": made["code"]})) == (403, "phone_required")
    rows = await session.exec(sa.text("select facts::text from audit_event where action like 'store.%'"))
    assert made["scene"] not in str(rows.all()) and made["code"] not in str(rows)


async def test_the_list_costs_the_same(shop: Shop, invite: Invite, statements: list[str]) -> None:
    for _ in range(5):
        await invite()
    found = {}
    for limit in (1, 5):
        statements.clear()
        page = (await shop.get(shop.owner, f"/stores/{shop.id}/invitations", limit=limit)).json()
        found[limit] = (len(page["items"]), len(statements))
    assert found[1][0] == 1 and found[5][0] == 5 and found[1][1] == found[5][1], found

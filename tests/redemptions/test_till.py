"""The till: one code is used once, everything else is explained, and guessing stops the store that guesses."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app import clock
from app.auth.roles import Role, ScopeType
from app.redemptions import codes, tickets
from tests.redemptions.conftest import Shop, code_of
from tests.support.owner import as_owner


async def test_a_code_is_used_once(shop: Shop) -> None:
    order = await shop.order(await shop.reward(), 2)
    key, request_id = uuid4().hex, f"request-{uuid4().hex}"
    done = await shop.verify(order["code"].lower().replace("-", " "), key=key, **{"X-Request-ID": request_id})
    assert done.status_code == 200, done.text
    answer = done.json()
    assert (answer["redemption_id"], answer["number"], answer["quantity"]) == (order["id"], order["number"], 2)
    assert answer["store"] == {"id": shop.id, "name": "东风便利店"} and answer["clerk"]["id"] == str(shop.clerk.id)
    assert answer["number"] in answer["slip"] and order["code"] not in done.text and str(shop.rider.phone) not in done.text
    assert await shop.balance() == (80, 0)
    again = await shop.verify(order["code"])
    assert code_of(again) == (409, "already_verified")
    assert (again.json()["verified_at"], again.json()["by_you"], again.json()["store_name"]) == (answer["verified_at"], True, "东风便利店")
    colleague = await shop.verify(order["code"], who=shop.owner)
    assert (colleague.json()["by_you"], colleague.json()["store_name"]) == (False, "东风便利店")
    assert (await shop.verify(order["code"].lower().replace("-", " "), key=key)).content == done.content
    assert await shop.balance() == (80, 0)
    seen = (await shop.get(shop.rider, f"/redemptions/{order['id']}")).json()
    assert (seen["status"], seen["code"], seen["verified_store"]["id"], seen["allowed"]) == ("verified", None, shop.id, [])
    told = await shop.sql("select title, reference_number from message where member_id = :id", id=shop.rider.id)
    assert ("兑换成功", order["number"]) in [tuple(row) for row in told]
    for given in (key, request_id):
        found = (await shop.get(shop.clerk, f"/stores/{shop.id}/verifications", key=given)).json()["items"]
        assert [row["verification_id"] for row in found] == [answer["verification_id"]]
    assert (await shop.get(shop.clerk, f"/stores/{shop.id}/verifications", key="unknown-key")).json()["items"] == []


@pytest.mark.check("S32", part=True)
async def test_another_stores_code_and_an_unknown_one_sound_alike(shop: Shop) -> None:
    order = await shop.order(await shop.reward())
    unknown = await shop.verify(codes.grouped(codes.draw()))
    foreign = await shop.verify(order["code"], store=shop.other_id, who=shop.other_clerk)
    assert code_of(unknown) == code_of(foreign) == (404, "code_not_found")
    assert unknown.json() | {"request_id": ""} == foreign.json() | {"request_id": ""}
    counted = await shop.sql("select store_id::text from verification_guess")
    assert sorted(row[0] for row in counted) == sorted([shop.id, shop.other_id])
    for who in (shop.rider, shop.other_clerk, shop.admin):
        assert code_of(await shop.verify(order["code"], who=who)) == (404, "not_found")
    assert (await shop.verify(order["code"])).status_code == 200


async def test_used_at_one_store_and_scanned_at_another_of_the_same_reward(shop: Shop) -> None:
    order = await shop.order(await shop.reward(store_ids=[shop.id, shop.other_id]))
    assert (await shop.verify(order["code"])).status_code == 200
    elsewhere = await shop.verify(order["code"], store=shop.other_id, who=shop.other_clerk)
    assert code_of(elsewhere) == (409, "already_verified") and elsewhere.json()["by_you"] is False
    assert "store_name" not in elsewhere.json() and "东风便利店" not in elsewhere.text
    assert not await shop.sql("select 1 from verification_guess")


@pytest.mark.check("S32", part=True)
async def test_ten_wrong_codes_stop_one_store_for_ten_minutes(shop: Shop) -> None:
    order = await shop.order(await shop.reward(store_ids=[shop.id, shop.other_id]))
    for text in ("", "1", "0000-0000-0001", order["code"][:-1] + ("0" if order["code"][-1] != "0" else "1")):
        assert code_of(await shop.verify(text)) == (422, "code_malformed")
    key = uuid4().hex
    for _ in range(2):  # asked again under its key, a wrong code is one guess
        assert code_of(await shop.verify("0" * 12, key=key)) == (404, "code_not_found")
    for turn in range(9):
        who = (shop.clerk, shop.owner)[turn % 2]
        wrong: dict[str, Any] = {"token": "forged"} if turn % 3 == 0 else {"code": codes.grouped(codes.draw())}
        path = "/redemptions/preview" if turn % 4 == 0 else "/redemptions/verify"
        assert code_of(await shop.post(who, path, {"store_id": shop.id} | wrong)) == (404, "code_not_found")
    for attempt in ({"code": order["code"]}, {"token": await shop.ticket(order)}):
        stopped = await shop.post(shop.clerk, "/redemptions/verify", {"store_id": shop.id} | attempt)
        assert code_of(stopped) == (429, "too_many_attempts") and 0 < int(stopped.headers["Retry-After"]) <= 600
    assert len(await shop.sql("select 1 from verification_guess")) == 10
    assert len(await shop.sql("select 1 from audit_event where action = 'redemption.guess'")) == 10
    assert (await shop.verify(order["code"], store=shop.other_id, who=shop.other_clerk)).status_code == 200
    await shop.sql("update verification_guess set created_at = created_at - interval '10 minutes'")
    assert code_of(await shop.verify(order["code"])) == (409, "already_verified")


@pytest.mark.check("S33", part=True)
async def test_a_scanned_ticket_is_young_and_ours(shop: Shop) -> None:
    order = await shop.order(await shop.reward())
    token = await shop.ticket(order)
    ring, now = shop.session.info["keys"], clock.now()
    old, _ = tickets.ticket(ring, redemption_id=UUID(order["id"]), uses=0, now=now - timedelta(seconds=61))
    assert code_of(await shop.verify(token=old)) == (410, "ticket_expired")
    assert not await shop.sql("select 1 from verification_guess")
    changed = token[:10] + ("A" if token[10] != "A" else "B") + token[11:]
    assert code_of(await shop.verify(token=changed)) == (404, "code_not_found")
    assert code_of(await shop.verify(token=token, store=shop.other_id, who=shop.other_clerk)) == (404, "code_not_found")
    assert (await shop.verify(token=token)).status_code == 200
    assert code_of(await shop.verify(token=token)) == (409, "already_verified")
    both = {"store_id": shop.id, "code": order["code"], "token": token}
    for wrong in (both, {"store_id": shop.id}):
        assert code_of(await shop.post(shop.clerk, "/redemptions/verify", wrong)) == (422, "validation_error")


async def test_a_preview_uses_nothing_up_and_its_token_is_this_clerks(shop: Shop) -> None:
    order = await shop.order(await shop.reward(), 2)
    shown = await shop.post(shop.clerk, "/redemptions/preview", {"store_id": shop.id, "code": order["code"]})
    assert shown.status_code == 200, shown.text
    assert (shown.json()["reward"]["name"], shown.json()["quantity"], shown.json()["confirmation_required"]) == ("矿泉水一瓶", 2, False)
    assert str(shop.rider.phone) not in shown.text and order["code"] not in shown.text and str(shop.rider.id) not in shown.text
    assert await shop.balance() == (80, 20)
    token = shown.json()["confirm_token"]
    assert code_of(await shop.verify(token=token, who=shop.owner)) == (404, "code_not_found")
    ring, ids = shop.session.info["keys"], {"redemption_id": UUID(order["id"]), "store_id": UUID(shop.id), "clerk_id": shop.clerk.id}
    old = tickets.confirmation(ring, **ids, typed=True, uses=0, now=clock.now() - timedelta(seconds=182))
    assert code_of(await shop.verify(token=old)) == (410, "ticket_expired")
    assert (await shop.verify(token=token)).status_code == 200
    assert await shop.balance() == (80, 0)


async def test_a_clerk_cannot_use_an_own_order(shop: Shop) -> None:
    await shop.give(shop.clerk, 50)
    order = await shop.order(await shop.reward(), who=shop.clerk)
    for path in ("preview", "verify"):
        refused = await shop.post(shop.clerk, f"/redemptions/{path}", {"store_id": shop.id, "code": order["code"]})
        assert code_of(refused) == (403, "forbidden")
    assert (await shop.verify(order["code"], who=shop.owner)).status_code == 200
    assert code_of(await shop.post(shop.clerk, f"/redemptions/{order['id']}/undo", {"reason": "x"})) == (403, "forbidden")
    seen = [(await shop.get(who, f"/stores/{shop.id}/verifications")).json()["items"][0]["allowed"] for who in (shop.clerk, shop.owner)]
    assert seen == [[], ["undo"]]


async def test_a_typed_code_above_the_ceiling_needs_the_riders_own_yes(shop: Shop) -> None:
    await shop.patch(shop.admin, f"/stores/{shop.id}", {"confirm_above_points": 20})
    reward = await shop.reward()
    small, big, scanned = await shop.order(reward, 2), await shop.order(reward, 3), await shop.order(reward, 3)
    assert (await shop.verify(small["code"])).status_code == 200
    refused = await shop.verify(big["code"])
    assert code_of(refused) == (409, "confirmation_required") and refused.json()["points"] == 30
    shown = await shop.post(shop.clerk, "/redemptions/preview", {"store_id": shop.id, "code": big["code"]})
    assert shown.json()["confirmation_required"] is True
    assert code_of(await shop.verify(token=shown.json()["confirm_token"])) == (409, "confirmation_required")
    assert (await shop.verify(token=await shop.ticket(scanned))).status_code == 200
    assert code_of(await shop.post(shop.clerk, f"/redemptions/{big['id']}/confirm")) == (404, "not_found")
    yes = await shop.post(shop.rider, f"/redemptions/{big['id']}/confirm")
    assert yes.status_code == 200 and yes.json()["confirmed_at"] and yes.json()["allowed"] == ["cancel"]
    assert (await shop.verify(big["code"])).status_code == 200


async def test_a_store_verifies_so_many_of_a_reward_a_day(shop: Shop) -> None:
    reward = await shop.reward(per_store_per_day=1, store_ids=[shop.id, shop.other_id])
    first, second = await shop.order(reward), await shop.order(reward)
    assert (await shop.verify(first["code"])).status_code == 200
    refused = await shop.verify(second["code"])
    assert code_of(refused) == (409, "limit_reached") and refused.json()["period"] == "day"
    assert (await shop.post(shop.clerk, f"/redemptions/{first['id']}/undo", {"reason": "拿错"})).status_code == 200
    assert (await shop.verify(second["code"])).status_code == 200
    assert (await shop.verify(first["code"], store=shop.other_id, who=shop.other_clerk)).status_code == 200


async def test_an_undo_revives_the_same_code_once(shop: Shop) -> None:
    order = await shop.order(await shop.reward(stock=3))
    done = (await shop.verify(order["code"])).json()
    path, body = f"/redemptions/{order['id']}/undo", {"reason": "拿错商品"}
    assert code_of(await shop.client.post("/api/v1" + path, headers=shop.clerk.headers, json=body)) == (400, "idempotency_key_missing")
    for who in (shop.rider, shop.other_clerk, shop.admin):
        assert code_of(await shop.post(who, path, body)) == (404, "not_found")
    undone = await shop.post(shop.owner, path, body)
    assert undone.status_code == 200 and undone.json()["status"] == "issued" and order["code"] not in undone.text
    assert undone.json()["verification_id"] == done["verification_id"] and await shop.balance() == (90, 10)
    again = await shop.post(shop.clerk, path, body)
    assert code_of(again) == (409, "already_undone")
    assert (await shop.get(shop.rider, f"/redemptions/{order['id']}")).json()["code"] == order["code"]
    listed = (await shop.get(shop.owner, f"/stores/{shop.id}/verifications")).json()["items"]
    assert listed[0]["undone_at"] == undone.json()["undone_at"] and listed[0]["allowed"] == []
    second = (await shop.verify(order["code"])).json()
    assert second["verification_id"] != done["verification_id"] and await shop.balance() == (90, 0)
    kinds = await shop.sql(
        "select kind from points_transaction where reference_id = :id order by account_version", id=UUID(order["id"])
    )
    assert [row[0] for row in kinds] == ["hold", "capture", "reverse", "capture"]
    facts = await shop.sql("select facts::text from audit_event where object_id = :id", id=UUID(order["id"]))
    assert facts and "拿错商品" not in str(facts)


async def test_an_undo_comes_too_late_after_half_an_hour(shop: Shop) -> None:
    order = await shop.order(await shop.reward())
    done = (await shop.verify(order["code"])).json()
    await shop.move(done["verification_id"], "31 minutes")
    refused = await shop.post(shop.clerk, f"/redemptions/{order['id']}/undo", {"reason": "拿错商品"})
    assert code_of(refused) == (409, "undo_too_late") and refused.json()["minutes"] == 30
    assert await shop.balance() == (90, 0)


async def test_an_order_that_expired_before_its_undo_is_swept(shop: Shop, run_job: Any) -> None:
    order = await shop.order(await shop.reward())
    assert (await shop.verify(order["code"])).status_code == 200
    await shop.sql("update redemption set expires_at = clock_timestamp() where id = :id", id=UUID(order["id"]))
    await run_job("redemption.expire")
    assert (await shop.post(shop.clerk, f"/redemptions/{order['id']}/undo", {"reason": "拿错商品"})).json()["status"] == "issued"
    await run_job("redemption.expire")
    assert await shop.balance() == (100, 0)


async def test_power_at_the_till_ends_with_the_grant(shop: Shop) -> None:
    order = await shop.order(await shop.reward())
    gone = await shop.people.member(grants=[(Role.STORE_CLERK, ScopeType.STORE, UUID(shop.id))])
    await shop.sql("update access_grant set revoked_at = clock_timestamp() where account_id = :id", id=gone.id)
    assert code_of(await shop.verify(order["code"], who=gone)) == (404, "not_found")


@pytest.mark.parametrize("table", ["verification", "verification_undo", "settlement_line", "reward_stock_entry"])
async def test_history_cannot_be_edited(shop: Shop, table: str) -> None:
    order = await shop.order(await shop.reward(stock=1))
    await shop.verify(order["code"])
    connection = await shop.session.connection()
    filled = table in ("verification", "reward_stock_entry")
    for statement in (f"truncate {table} cascade", *([f"delete from {table}"] if filled else [])):
        with pytest.raises(sa.exc.IntegrityError):
            async with connection.begin_nested(), as_owner(connection):
                await connection.execute(sa.text(statement))

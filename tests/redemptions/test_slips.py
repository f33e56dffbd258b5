"""A slip of ours is told from an invented one."""

import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from app import clock
from app.db.base import new_id
from app.redemptions import checking, slips
from app.security.keys import KeyRing, MasterKeys
from tests.redemptions.conftest import Shop, code_of

RING = KeyRing(MasterKeys({"s1": secrets.token_bytes(32)}), MasterKeys({"f1": secrets.token_bytes(32)}))
SIGNED = slips.Signed(new_id(), new_id(), "D20261122-000017", 2, clock.now())


@pytest.mark.parametrize("change", [
    {"verification_id": new_id()}, {"store_id": new_id()}, {"number": "D20261122-000018"}, {"quantity": 3},
    {"verified_at": SIGNED.verified_at + timedelta(microseconds=1)},
])
def test_a_check_code_is_for_one_verification_as_it_was(change: dict) -> None:
    code = slips.check_code(RING, SIGNED)
    assert len(code) == 19 and slips.made_by_us(RING, SIGNED, f" {code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} ")
    assert not slips.made_by_us(RING, replace(SIGNED, **change), code)


def test_a_check_code_outlives_its_key_in_the_ring_and_no_other() -> None:
    code = slips.check_code(RING, SIGNED)
    rotated = KeyRing(MasterKeys({"s2": secrets.token_bytes(32), **RING.secret.keys}), RING.field)
    assert slips.check_code(rotated, SIGNED) != code and slips.made_by_us(rotated, SIGNED, code)
    assert not slips.made_by_us(KeyRing(MasterKeys({"s2": rotated.secret.keys["s2"]}), RING.field), SIGNED, code)
    for shown in ("", code[:-1], code + "0", "校验码", "\x00", "０" * 16):
        assert not slips.made_by_us(RING, SIGNED, shown)


async def test_who_has_a_slip_can_have_it_checked_at_its_store(shop: Shop) -> None:
    order = await shop.order(await shop.reward(store_ids=[shop.id, shop.other_id]), 2)
    done = (await shop.verify(order["code"])).json()
    lines = done["slip"].split("\n")
    assert lines[1:4] == ["商家：东风便利店", "商品：矿泉水一瓶 × 2", f"单号：{order['number']}"] and lines[-1].startswith("校验码 ")
    path, body = f"/stores/{shop.id}/slips/check", {"number": order["number"], "check_code": lines[-1].removeprefix("校验码 ")}
    for who, cents in ((shop.clerk, None), (shop.owner, 200), (shop.admin, 200)):
        shown = (await shop.post(who, path, body)).json()
        assert shown["valid"] and shown["undone_at"] is None and shown["verification"]["cents"] == cents
        assert (shown["verification"]["verification_id"], shown["verification"]["quantity"]) == (done["verification_id"], 2)
    for who in (shop.rider, shop.other_clerk):
        assert code_of(await shop.post(who, path, body)) == (404, "not_found")
    nothing = {"valid": False, "verification": None, "undone_at": None}
    for wrong in ({"check_code": "0" * 16}, {"number": "D20200101-000001"}, {"check_code": "校验码"}):
        assert (await shop.post(shop.clerk, path, body | wrong)).json() == nothing
    assert (await shop.post(shop.other_clerk, f"/stores/{shop.other_id}/slips/check", body)).json() == nothing, "another store's"
    denied = await shop.sql("select outcome from audit_event where action = 'redemption.slip'")
    assert [row[0] for row in denied] == ["denied"] * 4

    undone = (await shop.post(shop.owner, f"/redemptions/{order['id']}/undo", {"reason": "拿错商品"})).json()
    assert (await shop.post(shop.clerk, path, body)).json()["undone_at"] == undone["undone_at"]
    second = (await shop.verify(order["code"])).json()
    shown = (await shop.post(shop.clerk, path, body | {"check_code": second["slip"].split("校验码 ")[1]})).json()
    assert (shown["verification"]["verification_id"], shown["undone_at"]) == (second["verification_id"], None)
    listed = (await shop.get(shop.owner, f"/stores/{shop.id}/verifications")).json()["items"]
    assert [(row["verification_id"], row["undone_at"]) for row in listed] == [
        (second["verification_id"], None), (done["verification_id"], undone["undone_at"]),
    ], "both lines stay visible"


async def test_checking_is_limited_by_account(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST", 2)
    order = await shop.order(await shop.reward())
    assert (await shop.verify(order["code"])).status_code == 200
    path, body = f"/stores/{shop.id}/slips/check", {"number": order["number"], "check_code": "0" * 16}
    heard = [code_of(await shop.post(shop.clerk, path, body)) for _ in range(3)]
    assert heard[-1] == (429, "rate_limited") and [status for status, _ in heard[:2]] == [200, 200]
    assert (await shop.post(shop.owner, path, body)).status_code == 200

"""The story of the issue, end to end: every step by the person whose step it is, every figure checked."""

from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from tests.support.newcomer import API, SPOT, Caller, World, picture, sign_in, wechat_code

SHANGHAI = timezone(timedelta(hours=8))


async def ledger_is_clean(world: World) -> None:
    checked = world.service.manage("ledger-check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def scanned_code(world: World) -> str:
    body = {"purpose": "registration", "target_id": world.organisation_id, "title": "驿站海报"}
    made = await world.admin.does("POST", "/qrcodes", body)
    shown = await world.http.get(f"{API}/qrcodes/{made['scene']}")
    assert shown.status_code == 200 and shown.json()["target"]["id"] == world.organisation_id
    assert (await world.http.get(f"{API}/qrcodes/{made['scene']}/image")).content.startswith(b"\x89PNG")
    return str(made["scene"])


async def newcomer(world: World) -> Caller:
    """Scans, signs in, registers: phone and consents in the very call."""
    scene = await scanned_code(world)
    tokens = await sign_in(world.service, world.http, "王小明")
    assert tokens["account"]["created"] and tokens["expires_in"] == 900 and tokens["token_type"] == "Bearer"
    rider = Caller(world.http, "王小明", "13712345678", tokens["account"]["id"], tokens)
    refused = await rider.post("/reports", rider.filing(world.areas["grid"]))
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_required")
    texts = (await world.http.get(f"{API}/members/consent-texts")).json()
    service_text = next(text for text in texts if text["purpose"] == "service")
    body = {
        "scene": scene, "phone_code": await wechat_code(world.service, world.http, rider.name, rider.phone),
        "consents": [{"purpose": "service", "version": service_text["version"]}], "real_name": "王小明", "occupation": "courier",
        "work_area_id": world.areas["community"], "employers": [{"name": "兖州闪送站点"}], "political_status": "masses",
    }
    registered = await rider.does("POST", "/registrations", body)
    assert registered["status"] == "active" and registered["number"].startswith("S")
    await world.agree(rider, "location")
    me = await rider.sees("/members/me")
    assert me["id"] == rider.id and me["phone"] == "137****5678" and me["registration"]["number"] == registered["number"]
    again = await rider.post("/registrations", body | {"phone_code": None})
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    return rider


async def led_to_feedback(world: World, report_id: str) -> None:
    """Accepted and dispatched by one reviewer, resolved by the worker, verified by another reviewer."""
    first, second = world.reviewers[:2]
    listed = await first.sees("/reports/inbox")
    assert report_id in [row["id"] for row in listed["items"]]
    states: list[str] = []
    for who, command, body in (
        (first, "accept", {"note": "属实"}), (first, "dispatch", {"assignee_account_id": world.worker.id}), (world.worker, "start", {}),
        (world.worker, "resolve", {"note": "已清运", "upload_ids": [await world.worker.photo()]}),
    ):
        states.append((await who.does("POST", f"/reports/{report_id}/{command}", body))["status"])
    own = await world.worker.post(f"/reports/{report_id}/verify", {"passed": True, "note": "自己说好"})
    assert own.status_code in (403, 404)
    states.append((await second.does("POST", f"/reports/{report_id}/verify", {"passed": True, "note": "现场已看"}))["status"])
    assert states == ["accepted", "dispatched", "in_progress", "resolved", "awaiting_feedback"]


async def reported(world: World, rider: Caller) -> dict[str, Any]:
    filed = await rider.files()
    assert filed["status"] == "submitted" and filed["number"].startswith("R")
    assert (filed["community"]["id"], filed["grid"]["id"]) == (world.areas["community"], world.areas["grid"])
    await led_to_feedback(world, filed["id"])
    standing = await rider.points()
    assert (standing["available"], standing["held"], standing["debt"]) == (10, 0, 0)
    closed = await rider.does("POST", f"/reports/{filed['id']}/feedback", {"satisfied": True, "rating": 5})
    assert closed["status"] == "closed"
    standing = await rider.points()
    assert (standing["available"], standing["earned_12_months"], standing["level"]) == (20, 20, 1)
    assert sum(part["amount"] for part in standing["expiring"]) == 20
    timeline = await rider.sees(f"/reports/{filed['id']}/timeline")
    assert len(timeline["items"] if isinstance(timeline, dict) else timeline) == 7
    return filed


async def redeemed(world: World, rider: Caller, reward: dict[str, Any]) -> dict[str, Any]:
    order = await rider.orders(reward["id"])
    assert order["status"] == "issued" and order["points"] == 10 and len(order["code"]) == 14
    standing = await rider.points()
    assert (standing["available"], standing["held"]) == (10, 10)
    assert (await rider.sees(f"/rewards/{reward['id']}"))["stock_left"] == reward["stock_left"] - 1
    return order


async def verified(world: World, order: dict[str, Any]) -> dict[str, Any]:
    clerk, other = world.clerks[:2]
    till = {"store_id": world.store_id, "code": order["code"].lower().replace("-", " ")}
    seen = await clerk.does("POST", "/redemptions/preview", till)
    assert seen["reward"]["name"] == "矿泉水一瓶" and not seen["confirmation_required"]
    done = await clerk.does("POST", "/redemptions/verify", {"store_id": world.store_id, "token": seen["confirm_token"]})
    assert (done["redemption_id"], done["store"]["id"]) == (order["id"], world.store_id)
    for who, by_you in ((clerk, True), (other, False)):
        second = await who.post("/redemptions/verify", till)
        told = second.json()
        assert (second.status_code, told["code"], told["by_you"]) == (409, "already_verified", by_you)
        assert (told["store_name"], told["verified_at"]) == ("文化路便利店", done["verified_at"])
    verification: dict[str, Any] = done
    return verification


async def test_the_main_loop(world: World) -> None:
    reward = await world.reward(stock=5)
    rider = await newcomer(world)
    filed = await reported(world, rider)
    order = await redeemed(world, rider, reward)
    done = await verified(world, order)
    standing = await rider.points()
    assert (standing["available"], standing["held"]) == (10, 0)
    entries = (await rider.sees("/points/me/entries"))["items"]
    assert [(row["kind"], row["amount"], row["held"], row["balance_after"]) for row in entries] == [
        ("capture", 0, -10, 10), ("hold", -10, 10, 10), ("earn", 10, 0, 20), ("earn", 10, 0, 10),
    ]
    assert [row["reference"]["number"] for row in entries] == [order["number"]] * 2 + [filed["number"]] * 2
    month = datetime.now(SHANGHAI).strftime("%Y-%m")
    settlement = await world.owner.sees(f"/stores/{world.store_id}/settlements/{month}")
    lines = [line for line in settlement["lines"] if line["redemption_id"] == order["id"]]
    assert settlement["status"] == "open" and [line["cents"] for line in lines] == [150]
    assert settlement["total_cents"] == sum(line["cents"] for line in settlement["lines"])
    assert done["verification_id"] == lines[0]["verification_id"]
    messages = (await rider.sees("/messages"))["items"]
    assert {"report", "redemption"} <= {message["category"] for message in messages}
    assert (await rider.sees("/messages/unread-count"))["count"] == len(messages)
    await shown_to_nobody_else(world, rider, filed, order)
    await ledger_is_clean(world)


async def shown_to_nobody_else(world: World, rider: Caller, filed: dict[str, Any], order: dict[str, Any]) -> None:
    stranger = await world.person()
    for path in (f"/redemptions/{order['id']}", f"/stores/{world.store_id}/verifications", f"/stores/{world.store_id}/staff"):
        assert (await stranger.send("GET", path)).status_code == 404, path
    assert rider.id not in (await stranger.send("GET", f"/reports/{filed['id']}")).text


async def test_an_export_holds_the_numbers(world: World) -> None:
    rider = await world.rider(points=30)
    filed = await rider.files()
    order = await rider.orders((await world.reward())["id"])
    copy = await rider.send("GET", "/members/me/export")
    assert copy.status_code == 200
    assert filed["number"] in copy.text and order["number"] in copy.text and rider.phone in copy.text
    assert order["code"] not in copy.text and order["code"].replace("-", "") not in copy.text
    month = datetime.now(SHANGHAI).strftime("%Y-%m")
    await world.clerks[0].does("POST", "/redemptions/verify", {"store_id": world.store_id, "code": order["code"]})
    for kind, start in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("pdf", b"%PDF")):
        sheet = await world.owner.send("GET", f"/stores/{world.store_id}/settlements/{month}", params={"format": kind})
        assert sheet.status_code == 200 and sheet.content.startswith(start), kind
        if kind == "csv":
            assert order["number"] in sheet.content.decode("utf-8-sig")


async def test_a_photo_is_rebuilt_and_shown_by_a_signed_link(world: World) -> None:
    rider = await world.person()
    sent = picture()
    made = await world.http.post(
        f"{API}/uploads", files={"file": ("a.jpg", sent, "image/jpeg")}, headers=rider.headers | {"Idempotency-Key": "photo-once"}
    )
    again = await world.http.post(
        f"{API}/uploads", files={"file": ("a.jpg", sent, "image/jpeg")}, headers=rider.headers | {"Idempotency-Key": "photo-once"}
    )
    assert made.status_code == 201 and again.content == made.content and again.headers["idempotency-replayed"] == "true"
    view = httpx.URL(made.json()["view_url"])
    shown = await world.http.get(view.raw_path.decode())
    assert shown.status_code == 200 and shown.headers["content-type"] == "image/jpeg" and shown.content != sent
    forged = await world.http.get(view.raw_path.decode()[:-1] + "0")
    assert forged.status_code in (200, 403, 404) and (forged.status_code != 200 or view.raw_path.endswith(b"0"))


@pytest.mark.parametrize("place", [SPOT | {"lng": 200.0}, SPOT | {"lat": 91.0}, SPOT | {"crs": "bd09"}, {"lng": 116.72}])
async def test_a_report_at_no_place_is_refused(world: World, place: dict[str, Any]) -> None:
    refused = await world.reviewers[0].post("/reports", world.reviewers[0].filing(world.areas["grid"], location=place))
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")

"""Discounts of a store: who makes and changes them, who sees which."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app import clock
from app.discounts import workflow
from tests.discounts.conftest import Counter, code_of


async def test_owner_and_administrator_make_a_discount(counter: Counter) -> None:
    shop = counter.shop
    made = await counter.discount(occupations=["courier", "food_delivery"], min_level=2)
    assert (made["store_id"], made["running"], made["per_member_per_day"], made["version"], made["allowed"]) == (
        shop.id, True, 1, 1, ["update"]
    )
    assert (await counter.discount(shop.admin, per_member_per_day=3))["occupations"] is None
    body = {"title": "x", "terms": "y", "starts_on": clock.today().isoformat()}
    for who in (shop.clerk, shop.rider, shop.other_clerk):
        assert code_of(await shop.post(who, f"/stores/{shop.id}/discounts", body)) == (403, "forbidden")
    assert code_of(await shop.post(shop.owner, f"/stores/{uuid4()}/discounts", body)) == (404, "not_found")


WRONG: list[dict[str, Any]] = [
    {"title": "九" * 61}, {"title": "两\n行"}, {"terms": "九" * 301}, {"terms": ""}, {"occupations": []}, {"occupations": ["chef"]},
    {"occupations": ["courier", "courier"]}, {"min_level": 0}, {"min_level": 6}, {"per_member_per_day": 0}, {"per_member_per_day": 11},
    {"ends_on": "2020-01-01"}, {"paused": True}, {"starts_on": "bald"},
]


async def test_a_wrong_body_is_told(counter: Counter) -> None:
    shop = counter.shop
    whole = {"title": "九" * 60, "terms": "九" * 300, "starts_on": clock.today().isoformat(), "min_level": 5, "per_member_per_day": 10}
    assert (await shop.post(shop.owner, f"/stores/{shop.id}/discounts", whole)).status_code == 201
    for wrong in WRONG:
        refused = await shop.post(shop.owner, f"/stores/{shop.id}/discounts", whole | wrong)
        assert code_of(refused) == (422, "validation_error"), wrong


async def test_members_see_what_runs_today_and_staff_who_manage_see_all(counter: Counter) -> None:
    shop, day = counter.shop, clock.today()
    tomorrow, yesterday = ((day + timedelta(days=days)).isoformat() for days in (1, -1))
    running = await counter.discount(ends_on=day.isoformat())
    await counter.discount(starts_on=tomorrow)
    await counter.discount(starts_on=yesterday, ends_on=yesterday)
    paused = await counter.discount()
    assert (await shop.patch(shop.owner, f"/discounts/{paused['id']}", {"paused": True})).json()["running"] is False
    for who, seen in ((shop.rider, 1), (shop.clerk, 1), (shop.other_clerk, 1), (shop.owner, 4), (shop.admin, 4)):
        page = (await shop.get(who, f"/stores/{shop.id}/discounts")).json()
        assert len(page["items"]) == seen and page["next_cursor"] is None
    shown = (await shop.get(shop.rider, f"/stores/{shop.id}/discounts")).json()["items"][0]
    assert (shown["id"], shown["allowed"]) == (running["id"], [])
    first = (await shop.get(shop.owner, f"/stores/{shop.id}/discounts", limit=3)).json()
    rest = (await shop.get(shop.owner, f"/stores/{shop.id}/discounts", limit=3, cursor=first["next_cursor"])).json()
    assert [item["id"] for item in rest["items"]] == [running["id"]]
    assert code_of(await shop.get(shop.rider, f"/stores/{uuid4()}/discounts")) == (404, "not_found")


async def test_a_change_needs_the_right_and_the_version_seen(counter: Counter) -> None:
    shop = counter.shop
    made = await counter.discount(min_level=3, ends_on=(clock.today() + timedelta(days=9)).isoformat())
    path = f"/discounts/{made['id']}"
    for who in (shop.clerk, shop.rider):
        assert code_of(await shop.patch(who, path, {"paused": True})) == (403, "forbidden")
    changed = await shop.patch(shop.admin, path, {"min_level": None, "ends_on": None, "paused": True}, **{"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["min_level"], changed.json()["ends_on"], changed.json()["version"]) == (None, None, 2)
    assert code_of(await shop.patch(shop.owner, path, {"title": "旧"}, **{"If-Match": '"1"'})) == (412, "version_mismatch")
    assert code_of(await shop.patch(shop.owner, path, {"ends_on": "2020-01-01"})) == (422, "validation_error")
    assert code_of(await shop.patch(shop.owner, path, {"title": None})) == (422, "validation_error")
    for who in (shop.clerk, shop.rider):  # paused: not there for them
        assert code_of(await shop.patch(who, path, {"paused": False})) == (404, "not_found")
    assert code_of(await shop.patch(shop.owner, f"/discounts/{uuid4()}", {"paused": False})) == (404, "not_found")
    facts = await shop.sql("select facts from audit_event where action = 'discount.update' and object_id::text = :id", id=made["id"])
    assert facts[0][0] == {"store_id": shop.id, "fields": ["ends_on", "min_level", "paused"]}


async def test_a_store_has_no_more_than_a_clerk_can_read(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "MOST_LIVE", 2)
    shop, old = counter.shop, (clock.today() - timedelta(days=1)).isoformat()
    await counter.discount(starts_on=old, ends_on=old)
    first, _ = await counter.discount(), await counter.discount()
    body = {"title": "x", "terms": "y", "starts_on": clock.today().isoformat()}
    assert code_of(await shop.post(shop.owner, f"/stores/{shop.id}/discounts", body)) == (409, "conflict")
    over = {"starts_on": old, "ends_on": old}
    assert (await shop.patch(shop.owner, f"/discounts/{first['id']}", over)).status_code == 200
    assert (await shop.post(shop.owner, f"/stores/{shop.id}/discounts", body)).status_code == 201
    assert code_of(await shop.patch(shop.owner, f"/discounts/{first['id']}", {"ends_on": None})) == (409, "conflict")

"""A broken book stops redemption in its area, and only there, and only redemption; people lift it when the book is right again."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.auth.roles import Role, ScopeType
from app.invariants.workflow import MOST_AREAS, Found, overlap, places
from tests.invariants.conftest import Books
from tests.redemptions.conftest import code_of
from tests.support.people import PLATFORM, Person

BREAKS = "update points_award set credited = credited + 1 where rule_code = 'SUGGESTION_ADOPTED'"
MENDS = "update points_award set credited = credited - 1 where rule_code = 'SUGGESTION_ADOPTED'"
CHECK = "invariants.check"


@pytest.fixture
async def frozen(untouched: Books) -> Books:
    """An award of the rider's is not what was paid: I5, in the rider's community."""
    await untouched.as_owner(BREAKS)
    await untouched.run(CHECK)
    return untouched


async def freezes(books: Books, who: Person, **query: Any) -> list[dict[str, Any]]:
    answer = await books.shop.get(who, "/points/freezes", **query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def order(books: Books, who: Person, reward: dict[str, Any], key: str | None = None) -> httpx.Response:
    return await books.shop.post(who, "/redemptions", {"reward_id": reward["id"]}, key=key)


def refused(answer: httpx.Response) -> bool:
    return code_of(answer) == (503, "busy") and "兑换暂停" in answer.json()["detail"] and int(answer.headers["Retry-After"]) >= 60


async def test_it_stops_the_area_and_not_its_neighbour(frozen: Books) -> None:
    shop, neighbour = frozen.shop, frozen.neighbour
    here, there, both = [
        await shop.reward(store_ids=stores) for stores in ([shop.id], [shop.other_id], [shop.id, shop.other_id])
    ]
    assert refused(await order(frozen, frozen.rider, there)), "a member of the area, wherever the shop is"
    assert refused(await order(frozen, neighbour, here)), "all shops that hand it out stand still"
    bought = await order(frozen, neighbour, both)
    assert bought.status_code == 201, bought.text
    sold = {"code": bought.json()["code"]}
    for path in ("/redemptions/preview", "/redemptions/verify"):
        assert refused(await shop.post(shop.clerk, path, {"store_id": shop.id} | sold))
    done = await shop.verify(sold["code"], store=shop.other_id, who=shop.other_clerk)
    assert done.status_code == 200, done.text


async def test_the_members_own_order_is_not_verified_elsewhere_and_the_truth_is_still_told(untouched: Books) -> None:
    shop = untouched.shop
    reward = await shop.reward(store_ids=[shop.other_id])
    live, used = [(await shop.order(reward))["code"] for _ in range(2)]
    till: dict[str, Any] = {"store": shop.other_id, "who": shop.other_clerk}
    assert (await shop.verify(used, **till)).status_code == 200
    await untouched.as_owner(BREAKS)
    await untouched.run(CHECK)
    assert refused(await shop.verify(live, **till))
    assert code_of(await shop.verify(used, **till)) == (409, "already_verified")
    assert code_of(await shop.verify("0" * 12, **till)) == (404, "code_not_found")


async def test_what_gives_points_back_and_what_earns_them_goes_on(frozen: Books) -> None:
    shop, issued = frozen.shop, frozen.orders["issued"]
    before = await shop.balance()
    assert (await shop.post(frozen.rider, f"/redemptions/{issued}/cancel")).status_code == 200
    assert await shop.balance() == (before[0] + 10, before[1] - 10)
    undone = await shop.post(shop.clerk, f"/redemptions/{frozen.orders['verified']}/undo", {"reason": "拿错"})
    assert undone.status_code == 200, undone.text
    await frozen.sql("update redemption set expires_at = now() - interval '1 minute' where id = :id", id=frozen.orders["verified"])
    await frozen.run("redemption.expire")
    assert await shop.balance() == (before[0] + 20, before[1] - 10)
    await frozen.scene.at("accepted")
    assert await shop.balance() == (before[0] + 30, before[1] - 10)


async def test_the_same_key_works_after_the_lift(frozen: Books) -> None:
    shop, keys = frozen.shop, (uuid4().hex, uuid4().hex)
    reward = await shop.reward()
    code = (await shop.get(frozen.rider, "/redemptions", status="issued")).json()["items"][0]["code"]
    for _ in range(2):
        assert refused(await order(frozen, frozen.rider, reward, keys[0])) and refused(await shop.verify(code, key=keys[1]))
    assert not await frozen.sql("select 1 from idempotency_key where key = any(:keys)", keys=list(keys))
    await lifted(frozen)
    placed, verified = await order(frozen, frozen.rider, reward, keys[0]), await shop.verify(code, key=keys[1])
    assert (placed.status_code, verified.status_code) == (201, 200), placed.text + verified.text
    assert (await order(frozen, frozen.rider, reward, keys[0])).headers["Idempotency-Replayed"] == "true"


async def lifted(books: Books) -> dict[str, Any]:
    await books.as_owner(MENDS)
    [freeze] = await freezes(books, books.admin, open="true")
    answer = await books.shop.post(books.admin, f"/points/freezes/{freeze['id']}/lift", {"note": "已补记"})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_who_is_told_and_that_they_are_told_once(frozen: Books) -> None:
    told = "select member_id from message where reference_type = 'points_freeze'"
    first = {row[0] for row in await frozen.sql(told)}
    assert {frozen.admin.id, frozen.second.id} <= first and not {frozen.rider.id, frozen.shop.owner.id, frozen.scene.reviewer.id} & first
    [message] = [one for one in (await frozen.shop.get(frozen.admin, "/messages")).json()["items"] if one["category"] == "system"]
    assert "东风社区" in message["body"] and "I5" in message["body"] and message["reference"]["type"] == "points_freeze"
    await frozen.run(CHECK)
    await frozen.run(CHECK)
    assert len(await frozen.sql(told)) == len(first)
    assert len(await frozen.sql("select 1 from points_freeze")) == 1
    assert [row[0] for row in await frozen.sql("select reason from audit_event where action = 'points.freeze'")] == ["I5"]
    assert await frozen.sql("select 1 from audit_event where action = 'invariants.broken'"), "each look that finds it says so"


async def test_a_wrong_sum_stops_the_area_of_the_wrong_row_alone(untouched: Books) -> None:
    """The sum over all accounts is wrong with it and names nobody; on its own it would stop the whole county."""
    one = f"select id from points_entry where member_id = '{untouched.rider.id}' and account = 'available' order by id limit 1"
    await untouched.as_owner(f"update points_entry set amount = amount + 1 where id = ({one})")
    await untouched.run(CHECK)
    broken = {row[0] for row in await untouched.sql("select reason from audit_event where action = 'invariants.broken'")}
    assert {"I1", "I2", "I4"} <= broken
    [path] = {row[0] for row in await untouched.sql("select area_path from points_freeze")}
    assert path == untouched.scene.county.community.path


async def test_the_platforms_administrator_is_told_too(untouched: Books) -> None:
    platform = await untouched.scene.people.console(grants=PLATFORM)
    await untouched.as_owner(BREAKS)
    await untouched.run(CHECK)
    assert await untouched.sql("select 1 from message where member_id = :id and reference_type = 'points_freeze'", id=platform.id)
    [freeze] = await freezes(untouched, platform)
    assert freeze["allowed"] == ["lift"]


async def test_it_is_lifted_by_a_person_who_may_and_when_the_book_is_right(frozen: Books) -> None:
    county, people = frozen.county, frozen.scene.people
    on = [[(role, ScopeType.AREA, area.id)] for role, area in (
        (Role.AREA_ADMIN, county.street), (Role.AREA_ADMIN, county.other_community), (Role.AUDITOR, county.root),
    )]
    street, elsewhere, auditor = [await people.member(grants=grants) for grants in on]
    [freeze] = await freezes(frozen, frozen.admin)
    assert (freeze["invariant"], freeze["count"], freeze["area"]["name"], freeze["version"]) == ("I5", 1, "东风社区", 1)
    path, note = f"/points/freezes/{freeze['id']}/lift", {"note": "已核对"}
    for who, code in ((elsewhere, 404), (frozen.rider, 404), (street, 403), (auditor, 403)):
        assert (await frozen.shop.post(who, path, note)).status_code == code
        assert [one["allowed"] for one in await freezes(frozen, who)] == ([] if code == 404 else [[]])
    assert code_of(await frozen.shop.post(frozen.admin, path, note)) == (409, "conflict"), "it is still broken"
    await frozen.as_owner(MENDS)
    assert code_of(await frozen.shop.post(frozen.admin, path, note, **{"If-Match": '"7"'})) == (412, "version_mismatch")
    done = await frozen.shop.post(frozen.admin, path, note, **{"If-Match": '"1"'})
    assert done.status_code == 200, done.text
    shown = done.json()
    assert (shown["note"], shown["lifted_by"], shown["count"], shown["allowed"]) == ("已核对", str(frozen.admin.id), 0, [])
    assert code_of(await frozen.shop.post(frozen.admin, path, note)) == (409, "invalid_transition")
    assert await freezes(frozen, frozen.admin, open="true") == []
    assert [one["note"] for one in await freezes(frozen, auditor, open="false")] == ["已核对"]
    assert await frozen.sql("select 1 from audit_event where action = 'points.lift_freeze' and actor_id = :id", id=frozen.admin.id)
    await frozen.as_owner(BREAKS)
    await frozen.run(CHECK)
    assert len(await frozen.sql("select 1 from points_freeze")) == 2, "broken anew is a freeze of its own"


async def test_a_book_that_is_right_again_says_so_and_stays_stopped(frozen: Books) -> None:
    await frozen.as_owner(BREAKS)
    await frozen.as_owner("update points_award set credited = credited + 1 where rule_code = 'HAZARD_ACCEPTED' and credited > 0")
    await frozen.run(CHECK)
    [worse] = await freezes(frozen, frozen.admin)
    assert worse["count"] > 1 and worse["version"] == 2, "what was found has changed: who saw the first figure is told by If-Match"
    await frozen.as_owner(MENDS, MENDS)
    await frozen.as_owner("update points_award set credited = credited - 1 where rule_code = 'HAZARD_ACCEPTED' and credited > 0")
    for _ in range(2):
        await frozen.run(CHECK)
    [right] = await freezes(frozen, frozen.admin)
    assert (right["count"], right["sample"], right["version"], right["lifted_at"]) == (0, [], 3, None)
    assert refused(await order(frozen, frozen.rider, await frozen.shop.reward()))


async def test_operators_see_it_and_the_service_stays_ready(untouched: Books) -> None:
    client = untouched.shop.client
    token = {"Authorization": "Bearer metrics-token-for-tests"}
    for freezes in (0, 1):
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["redemption_freezes"]) == (200, freezes)
        shown = (await client.get("/metrics", headers=token)).text
        assert f"xinxin_redemption_freezes {freezes}" in shown and f"xinxin_ledger_broken_invariants {freezes}" in shown
        await untouched.as_owner(BREAKS)
        await untouched.run(CHECK)


async def test_the_look_costs_an_order_and_a_verification_no_statement(untouched: Books, seen: list[str]) -> None:
    """It stands inside the statement that reads the reward, and the one that reads the order at the till."""
    reward = await untouched.shop.reward()
    seen.clear()
    placed = await order(untouched, untouched.rider, reward)
    asked = [statement for statement in seen if "points_freeze" in statement]
    assert len(asked) == 1 and "reward_store" in asked[0]
    seen.clear()
    assert (await untouched.shop.verify(placed.json()["code"])).status_code == 200
    asked = [statement for statement in seen if "points_freeze" in statement]
    assert len(asked) == 1 and "from store s" in asked[0]


def test_where_it_stands_still() -> None:
    one, two, tenants = "1/", "2/", ["1/", "2/"]
    found = [Found("1/a/", False, 2, ("x", "y")), Found(None, False, 1, ("w",)), Found(None, True, 1, ("v",))]
    assert [(place.area_path, place.count, place.sample) for place in places(found, tenants)] == [
        (one, 2, ("v", "w")), ("1/a/", 2, ("x", "y")), (two, 1, ("v",)),
    ]
    many = [Found(f"1/{number:02d}/", False, 1, (f"{number:02d}",)) for number in range(MOST_AREAS + 1)]
    [whole] = places(many, tenants)
    assert (whole.area_path, whole.count, len(whole.sample)) == (one, MOST_AREAS + 1, 5)
    assert overlap("1/a/", ["1/"]) and overlap("1/", ["1/a/"]) and not overlap("1/a/", ["1/b/", "2/"])

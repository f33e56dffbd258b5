"""A member shows who they are at a store: once, for what they may have, and no row says that they were there."""

import json
import secrets
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.db.session import AsyncSession
from app.discounts import codes, queries, service, workflow
from app.members import masking
from app.members import service as members_service
from app.security.keys import KeyRing, MasterKeys
from tests.discounts.conftest import Counter, code_of
from tests.support.canaries import Canary, leaks, logged, opened, rows_as_text
from tests.support.people import People


async def test_a_discount_is_given_once_a_day(counter: Counter) -> None:
    shop, discount = counter.shop, await counter.discount()
    token, key = await counter.code(), uuid4().hex
    given = await counter.scan(token, discount, key=key)
    assert given.status_code == 200, given.text
    answer = given.json()
    assert answer["member"].startswith("小哥") and answer["member"].endswith(f"（尾号{str(shop.rider.phone)[-2:]}）")
    assert (answer["level"], answer["confirm_token"]) == (None, None) and answer["visit"]["id"]
    assert answer["discounts"] == [
        {"id": discount["id"], "title": discount["title"], "terms": discount["terms"], "eligible": False, "used_today": 1}
    ]
    assert (await counter.scan(token, discount, key=key)).content == given.content
    for who, store in ((shop.clerk, shop.id), (shop.owner, shop.id), (shop.other_clerk, shop.other_id)):
        assert code_of(await counter.scan(token, who=who, store=store)) == (410, "ticket_expired")
    again = await counter.scan(None, discount, who=shop.owner)
    assert code_of(again) == (409, "limit_reached") and (again.json()["limit"], again.json()["period"]) == (1, "day")
    other = await counter.scan(await counter.code(shop.other_clerk), discount)
    assert other.status_code == 200 and other.json()["member"] != answer["member"]
    totals = (await counter.totals()).json()
    line = {"day": clock.today().isoformat(), "discount": {"id": discount["id"], "title": discount["title"]}, "visits": 2}
    assert totals == {"items": [line], "next_cursor": None, "total": 2}


async def test_first_looking_then_giving(counter: Counter) -> None:
    shop, discount = counter.shop, await counter.discount(per_member_per_day=2)
    token = await counter.code()
    looked = await counter.scan(token)
    assert looked.status_code == 200 and looked.json()["visit"] is None
    assert [(one["eligible"], one["used_today"]) for one in looked.json()["discounts"]] == [(True, 0)]
    assert (await counter.totals()).json()["items"] == []
    assert code_of(await counter.scan(token, discount)) == (410, "ticket_expired")
    confirm = looked.json()["confirm_token"]
    assert code_of(await counter.scan(confirm, discount, who=shop.owner)) == (404, "code_not_found")
    assert code_of(await counter.scan(confirm, discount, who=shop.other_clerk, store=shop.other_id)) == (404, "not_found")
    assert (await counter.scan(confirm, discount)).json()["discounts"][0]["used_today"] == 1
    assert code_of(await counter.scan(confirm, discount)) == (410, "ticket_expired")
    assert (await counter.scan(None, discount)).json()["discounts"][0] | {"used_today": 2, "eligible": False} == (
        (await counter.scan()).json()["discounts"][0]
    )
    assert code_of(await counter.scan(None, discount)) == (409, "limit_reached")
    assert (await counter.totals()).json()["total"] == 2


async def test_only_those_whom_it_is_for_and_while_it_runs(counter: Counter) -> None:
    shop, day = counter.shop, clock.today()
    couriers = await counter.discount(occupations=["courier"])
    levelled, everybody = await counter.discount(min_level=2), await counter.discount()
    later = await counter.discount(starts_on=(day + timedelta(days=1)).isoformat())
    token = await counter.code()
    for refused in (couriers, levelled, later):  # a refusal uses nothing up
        assert code_of(await counter.scan(token, refused)) == (409, "conflict")
    seen = (await counter.scan(token)).json()
    assert seen["level"] == 1
    assert {one["id"]: one["eligible"] for one in seen["discounts"]} == {
        couriers["id"]: False, levelled["id"]: False, everybody["id"]: True
    }
    await members_service.set_profile(shop.session, member_id=shop.rider.id, occupation="courier")
    await shop.give(shop.rider, 1)
    await shop.sql(
        "insert into points_level (member_id, month, level, earned) values (:id, :month, 2, 0)", id=shop.rider.id, month=day.replace(day=1)
    )
    assert (await counter.scan(None, couriers)).status_code == 200
    assert (await counter.scan(None, levelled)).json()["level"] == 2
    assert (await shop.patch(shop.owner, f"/discounts/{everybody['id']}", {"paused": True})).status_code == 200
    assert code_of(await counter.scan(None, everybody)) == (409, "conflict")
    elsewhere = {"id": str(uuid4())}
    assert code_of(await counter.scan(None, elsewhere)) == (404, "not_found")


async def test_who_may_scan_whom(counter: Counter, people: People) -> None:
    shop, discount = counter.shop, await counter.discount()
    token = await counter.code()
    for who in (shop.rider, shop.other_clerk, shop.admin, await people.console()):
        assert code_of(await counter.scan(token, discount, who=who)) == (404, "not_found")
    assert code_of(await counter.scan(await counter.code(shop.clerk), discount)) == (403, "forbidden")
    assert (await counter.scan(await counter.code(shop.clerk), discount, who=shop.owner)).status_code == 200
    ring = shop.session.info["keys"]
    old, _ = codes.code(ring, member_id=shop.rider.id, now=clock.now() - timedelta(seconds=61))
    assert code_of(await counter.scan(old, discount)) == (410, "ticket_expired")
    for change in ("status = 'suspended'", "status = 'cancelling'", "status = 'active', consented = '{}'"):
        await shop.sql(f"update account set {change} where id = :id", id=shop.rider.id)
        assert code_of(await counter.scan(token, discount)) == (410, "ticket_expired"), change
    assert code_of(await shop.get(shop.rider, "/members/me/identity-code")) == (403, "consent_required")
    assert code_of(await shop.get(await people.console(), "/members/me/identity-code")) == (403, "forbidden")
    await shop.sql("update account set status = 'cancelling' where id = :id", id=shop.rider.id)
    assert code_of(await shop.get(shop.rider, "/members/me/identity-code")) == (403, "forbidden")
    unkeyed = await shop.client.post(f"/api/v1/stores/{shop.id}/visits", headers=shop.clerk.headers, json={"token": token})
    assert code_of(unkeyed) == (400, "idempotency_key_missing")


async def test_ten_forged_tokens_stop_this_store_for_ten_minutes(counter: Counter) -> None:
    shop, discount = counter.shop, await counter.discount()
    good = await counter.code()
    changed = good[:20] + ("A" if good[20] != "A" else "B") + good[21:]
    for turn in range(10):
        refused = await counter.scan(changed if turn % 2 else "forged", discount, who=(shop.clerk, shop.owner)[turn % 2])
        assert code_of(refused) == (404, "code_not_found")
    stopped = await counter.scan(good, discount)
    assert code_of(stopped) == (429, "too_many_attempts") and 0 < int(stopped.headers["Retry-After"]) <= 600
    assert len(await shop.sql("select 1 from audit_event where action = 'discount.guess'")) == 10
    assert (await counter.scan(await counter.code(), who=shop.other_clerk, store=shop.other_id)).status_code == 200
    await shop.sql("update throttle_hit set created_at = created_at - interval '10 minutes' where key like 'identity-code.forged:%'")
    assert (await counter.scan(good, discount)).status_code == 200


async def test_totals_are_the_owners_and_the_administrators(counter: Counter) -> None:
    shop, discount = counter.shop, await counter.discount()
    await counter.scan(None, discount)
    await shop.sql(
        "insert into store_visit_day (store_id, discount_id, day, visits) values (:store, :id, '2026-01-05', 7)",
        store=UUID(shop.id), id=UUID(discount["id"]),
    )
    assert (await counter.totals(shop.admin, **{"from": "2026-01-05", "to": "2026-01-05"})).json()["total"] == 7
    assert (await counter.totals(**{"from": "2026-01-01"})).json()["total"] == 7
    assert (await counter.totals()).json()["total"] == 1
    assert code_of(await counter.totals(shop.clerk)) == (403, "forbidden")
    for who in (shop.rider, shop.other_clerk):
        assert code_of(await counter.totals(who)) == (404, "not_found")
    for wrong in ({"from": "2026-02-01", "to": "2026-01-01"}, {"from": "2026-01-01", "to": "2026-04-03"}):
        assert code_of(await counter.totals(**wrong)) == (422, "validation_error")


def about(member: Any) -> list[Canary]:
    """What a row might say of who it was."""
    told = {"id": str(member.id), "hex": member.id.hex, "phone": member.phone, "alias": masking.alias(member.id)}
    return [Canary(name, value) for name, value in told.items()]


async def written(counter: Counter, connection: AsyncConnection) -> tuple[list[bytes], str]:
    """The rows that looking, giving and being refused leave behind, and the log."""
    discount, before = await counter.discount(per_member_per_day=2), set((await rows_as_text(connection)).splitlines())
    with logged() as log:
        looked = await counter.scan()
        await counter.scan(looked.json()["confirm_token"], discount)
        assert (await counter.scan(None, discount)).json()["discounts"][0]["used_today"] == 2
        assert code_of(await counter.scan(None, discount)) == (409, "limit_reached")
    return [row for row in (await rows_as_text(connection)).splitlines() if row not in before], log.getvalue()


async def test_no_row_and_no_line_says_that_a_member_was_at_a_store(counter: Counter, connection: AsyncConnection) -> None:
    shop = counter.shop
    rows, log = await written(counter, connection)
    tables = {row.partition(b":")[0].decode() for row in rows}
    assert tables == {"store_visit_day", "store_visit_mark", "audit_event", "seal_pending", "idempotency_key"}
    assert leaks(b"\n".join(rows) + log.encode(), about(shop.rider)) == []
    in_clear = b"\n".join(value for name, value in await opened(shop.session) if name == "idempotency_key.body")
    assert b"confirm_token" in in_clear  # the clerk's remembered answers, sealed, hold the alias that the clerk was shown, and no more
    assert {leak.partition(" (")[0] for leak in leaks(in_clear, about(shop.rider))} == {"alias"}
    given = [json.dumps(row[0]) for row in await shop.sql("select to_jsonb(e) from audit_event e where action = 'discount.give'")]
    assert len(given) == 2 and all(str(shop.clerk.id) in event and shop.id in event for event in given)
    copy = await shop.get(shop.rider, "/members/me/export")
    assert copy.status_code == 200 and shop.id not in copy.text and "discount" not in copy.text
    marks = [bytes(row[0]) for row in await shop.sql("select mark from store_visit_mark")]
    assert len(marks) == len({mark[:4] for mark in marks}) == 5


async def test_a_mark_that_names_the_member_is_found(counter: Counter, connection: AsyncConnection) -> None:
    """The known-bad variant."""
    named = sa.text("insert into store_visit_mark values (decode(:id, 'hex') || decode(:id, 'hex'), current_date)")
    await connection.execute(named, {"id": counter.shop.rider.id.hex})
    assert leaks(await rows_as_text(connection), [Canary("id", counter.shop.rider.id.hex)])


async def test_a_change_of_the_key_gives_nobody_a_second_visit(session: AsyncSession) -> None:
    """As two processes of different releases work beside each other; a ring without the old key is the known-bad variant."""
    day, shares = clock.today(), ["someone|somewhere|something|today|1"]
    old: KeyRing = session.info["keys"]
    fresh = {"f2": secrets.token_bytes(32)}
    assert await service._mark(session, shares, purpose=queries.SHARE, day=day)
    for masters, again in ((fresh | old.field.keys, False), (fresh, True)):
        session.info["keys"] = KeyRing(old.secret, MasterKeys(masters))
        assert await service._mark(session, shares, purpose=queries.SHARE, day=day) is again


ROWS = 10


async def test_a_scan_and_the_lists_cost_the_same_however_many_discounts_there_are(counter: Counter, statements: list[str]) -> None:
    shop, costs = counter.shop, list[list[int]]()

    async def cost(asked: Awaitable[httpx.Response], rows: str, expected: int) -> int:
        statements.clear()
        answer = await asked
        assert len(answer.json()[rows]) == expected, answer.text
        return len(statements)

    for rows in (1, ROWS):
        while len((await shop.get(shop.owner, f"/stores/{shop.id}/discounts")).json()["items"]) < rows:
            given = await counter.discount(min_level=1)
            assert (await counter.scan(None, given)).status_code == 200
        token = await counter.code()
        calls = (counter.scan(token), counter.totals(), shop.get(shop.rider, f"/stores/{shop.id}/discounts"))
        costs.append([await cost(call, name, rows) for call, name in zip(calls, ("discounts", "items", "items"), strict=True)])
    assert costs[0] == costs[1], costs


@pytest.mark.parametrize(("hour", "kept"), [(26.9, True), (27.1, False)])
async def test_marks_go_at_three_in_the_morning_after(counter: Counter, run_job: Any, hour: float, kept: bool) -> None:
    """As the sweep of another instant sees it: the day's marks are there until 03:00 of the next."""
    shop, discount = counter.shop, await counter.discount()
    assert (await counter.scan(None, discount)).status_code == 200
    await run_job("discounts.sweep_marks")
    assert len(await shop.sql("select 1 from store_visit_mark")) == 2
    now = clock.day_start(clock.today()) + timedelta(hours=hour)
    assert (workflow.expiry(clock.today()) <= workflow.over(now)) is not kept
    if not kept:
        await shop.sql("update store_visit_mark set expires_on = :day", day=workflow.over(clock.now()))
        for _ in range(2):
            await run_job("discounts.sweep_marks")
            assert await shop.sql("select 1 from store_visit_mark") == []
        assert (await counter.scan(None, discount)).status_code == 200

"""From real rows to a case that people read and decide: reasons, who sees it, what brings it back, and that nothing else is touched."""

import json
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from app.audit import service as audit_service
from app.auth.roles import Role, ScopeType
from app.collusion import queries, queries_evidence
from app.collusion.facts import CLOSED
from app.me import erasure
from app.stores import queries as stores_queries
from tests.collusion.conftest import NOON, Ring, changed
from tests.redemptions.conftest import code_of

OWN = {"collusion_case", "collusion_reason", "audit_event", "message", "seal_pending"}  # the last: a trigger notes what the trail gained


async def test_a_ring_is_told_with_its_reasons_and_nothing_else_is_touched(ring: Ring, run_job) -> None:
    shop = ring.shop
    orders = await ring.unusual()
    await ring.favoured()
    await ring.on_one_phone(shop.rider, shop.clerk)
    for order in orders[:6]:
        audit_service.record(
            ring.session, "redemption.ticket", object_kind="redemption", object_id=order, outcome="denied", reason="ticket_used",
            actor_id=shop.clerk.id, store_id=shop.id,
        )
    await ring.session.flush()
    before = await ring.tables()
    await run_job("collusion.look")
    after = await ring.tables()
    assert changed(before, after) == OWN
    await run_job("collusion.look")
    assert not changed(after, await ring.tables()), "a second look changes nothing"

    (case,) = await ring.cases(shop.admin, store_id=shop.id, status="open")
    assert [reason["code"] for reason in case["reasons"]] == [
        "pair_share", "pair_frequency", "quick", "shared_device", "old_tickets", "reviewer_share",
    ]
    assert (case["severity"], case["status"], case["allowed"]) == ("high", "open", ["dismiss", "note"])
    quick = case["reasons"][2]
    assert "16 次核销从下单到核销中位 6 秒" in quick["text"] and quick["support"] == 16 and quick["expected"] > 1_800
    whole = await shop.get(shop.admin, f"/collusion/cases/{case['id']}")
    assert len(whole.json()["verifications"]) == 16
    persons = [shop.rider, shop.clerk, ring.reviewers[0]]
    assert all(case[part].startswith("小哥") for part in ("clerk", "member", "reviewer"))
    assert not any(str(one.id) in whole.text or one.phone in whole.text for one in persons)
    assert "points" not in whole.text
    (message,) = (await shop.get(shop.admin, "/messages")).json()["items"]
    assert "1 组核销情况" in message["body"] and "小哥" not in json.dumps(message, ensure_ascii=False)


async def test_what_is_read_of_a_store(ring: Ring) -> None:
    """An order that was verified, undone and verified again over HTTP; one from before the store opens."""
    shop = ring.shop
    order = await shop.order({"id": str(ring.reward)})
    assert (await shop.verify(order["code"])).status_code == 200
    assert (await shop.post(shop.clerk, f"/redemptions/{order['id']}/undo", {"reason": "点错"})).status_code == 200
    assert (await shop.verify(order["code"])).status_code == 200
    await ring.verified(shop.rider.id, ring.colleague, days_ago=1, seconds=60, hours=-6)
    await ring.session.flush()
    store = await stores_queries.get(ring.session, UUID(shop.id))
    read = await queries_evidence.of_store(ring.session, store, since=NOON - timedelta(days=60))
    assert read is not None and len(read.rows) == 63 and read.staff == frozenset()
    at, pair = read.at(), (shop.clerk.id, shop.rider.id)
    (use,), (early,) = at.by_pair[pair], at.by_pair[ring.colleague.id, shop.rider.id]
    assert at.loops == {pair: 1} and use.typed and 0 <= use.seconds < 60
    assert (early.hour, early.seconds, early.typed) == (CLOSED + 6, 60, False), "the shop opens at eight"


async def test_usual_custom_is_no_case(ring: Ring, run_job) -> None:
    """The same rider with the same many orders, placed in time and served by both."""
    for day in range(16):
        clerk = (ring.shop.clerk, ring.colleague)[day % 2]
        await ring.verified(ring.shop.rider.id, clerk, days_ago=2 + day, seconds=2_000)
    await ring.session.flush()
    await run_job("collusion.look")
    assert await ring.cases(ring.shop.admin) == []


async def test_who_sees_and_decides(ring: Ring, run_job, county, monkeypatch) -> None:
    shop, people = ring.shop, ring.shop.people
    over_all, elsewhere = (Role.AREA_ADMIN, ScopeType.AREA, county.root.id), (Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)
    at_shop = (Role.STORE_OWNER, ScopeType.STORE, UUID(shop.id))
    of_the_shop = await people.member(grants=[over_all, at_shop])
    shop.rider = involved = await people.member(grants=[over_all])
    stranger = await people.member(grants=[elsewhere])
    await ring.unusual()
    await run_job("collusion.look")
    (case,) = await ring.cases(shop.admin)
    path = f"/collusion/cases/{case['id']}"
    for who in (involved, of_the_shop, stranger, shop.clerk, shop.owner, ring.reviewers[0]):
        assert await ring.cases(who) == []
        assert code_of(await shop.get(who, path)) == (404, "not_found")
        assert code_of(await ring.decide(who, case)) == (404, "not_found")
    assert [message["title"] for message in (await shop.get(involved, "/messages")).json()["items"]] == []
    (seen,) = await ring.cases(ring.auditor)
    assert seen["allowed"] == []
    assert code_of(await ring.decide(ring.auditor, case)) == (403, "forbidden")
    assert code_of(await ring.decide(shop.admin, case, **{"If-Match": '"7"'})) == (412, "version_mismatch")
    assert len(await ring.cases(shop.admin, area_id=str(county.community.id))) == 1
    assert await ring.cases(shop.admin, area_id=str(county.other_community.id)) == []

    with monkeypatch.context() as without:  # the known-bad variant: who a case is about is let in
        without.setattr(queries, "PERSONS", {})
        assert len(await ring.cases(involved)) == 1
    noted = await ring.decide(shop.admin, case, "note", **{"If-Match": '"1"'})
    assert (noted.status_code, noted.json()["status"], noted.json()["allowed"], noted.json()["version"]) == (200, "noted", [], 2)
    assert noted.json()["note"].startswith("隔壁站点") and noted.json()["decided_by"]
    assert code_of(await ring.decide(shop.admin, case)) == (409, "invalid_transition")


async def test_what_was_dismissed_comes_back_with_new_facts_only(ring: Ring, run_job) -> None:
    shop = ring.shop
    await ring.unusual()
    await run_job("collusion.look")
    (first,) = await ring.cases(shop.admin)
    assert first["severity"] == "medium"
    assert (await ring.decide(shop.admin, first)).status_code == 200
    await ring.unusual(15, first=18)
    await run_job("collusion.look")
    assert [case["id"] for case in await ring.cases(shop.admin)] == [first["id"]], "31 are not twice 16"
    await ring.unusual(1, first=33)
    await run_job("collusion.look")
    again, old = await ring.cases(shop.admin)
    assert (old["id"], old["status"], again["status"]) == (first["id"], "dismissed", "open")
    assert {reason["support"] for reason in again["reasons"]} == {32}

    await ring.on_one_phone(shop.rider, shop.clerk)
    await run_job("collusion.look")
    (grown,) = await ring.cases(shop.admin, status="open")
    assert (grown["id"], grown["version"], grown["severity"]) == (again["id"], 2, "high")
    assert [reason["code"] for reason in grown["reasons"]][-1] == "shared_device"


async def test_an_erasure_takes_the_person_out_and_nothing_puts_them_back(ring: Ring, run_job) -> None:
    shop, session = ring.shop, ring.session
    await ring.unusual()
    await run_job("collusion.look")
    assert await queries.export(session, member_id=shop.rider.id) == {"collusion_cases": [], "collusion_texts": []}
    (case,) = await ring.cases(shop.admin)
    await ring.decide(shop.admin, case)
    ((told,), said) = (await queries.export(session, member_id=shop.clerk.id)).values()
    assert (told["part"], told["outcome"], told["store"], said) == ("clerk", "dismissed", "东风便利店", [])
    ((), (wrote,)) = (await queries.export(session, member_id=shop.admin.id)).values()
    assert wrote["text"].startswith("隔壁")
    await ring.unusual(16, first=18)
    await run_job("collusion.look")

    await erasure.rehearse(session, member_id=shop.rider.id)
    await run_job("collusion.look")
    gone, decided = await ring.cases(shop.admin)
    assert (gone["status"], gone["member"], gone["allowed"]) == ("lapsed", None, [])
    assert (decided["status"], decided["member"], decided["note"]) == ("dismissed", None, None)
    assert code_of(await ring.decide(shop.admin, gone)) == (409, "invalid_transition")
    left = sa.text("select count(*) from collusion_case where member_id = :id")
    assert (await session.exec(left, params={"id": shop.rider.id})).scalar_one() == 0

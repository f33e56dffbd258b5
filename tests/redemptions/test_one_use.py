"""A ticket is for one use, a clerk who guesses is stopped everywhere, and a verification's answer is small."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import clock
from app.auth.roles import Role, ScopeType
from app.db.prepared import Prepared
from app.redemptions import codes, tickets, till
from app.redemptions.models import Settlement
from tests.redemptions.conftest import Shop, code_of


async def undo(shop: Shop, order: dict[str, Any]) -> None:
    undone = await shop.post(shop.owner, f"/redemptions/{order['id']}/undo", {"reason": "拿错商品"})
    assert undone.status_code == 200, undone.text


async def used_again(shop: Shop) -> tuple[dict[str, Any], list[tuple[int, str]]]:
    """An order that was verified and undone, and what its ticket and its confirm token of before hear now."""
    order = await shop.order(await shop.reward())
    token = await shop.ticket(order)
    shown = await shop.post(shop.clerk, "/redemptions/preview", {"store_id": shop.id, "code": order["code"]})
    assert (await shop.verify(token=token)).status_code == 200
    assert code_of(await shop.verify(token=token)) == (409, "already_verified"), "the truth comes first"
    await undo(shop, order)
    answers = [await shop.post(shop.clerk, "/redemptions/preview", {"store_id": shop.id, "token": token})]
    answers += [await shop.verify(token=token), await shop.verify(token=shown.json()["confirm_token"])]
    return order, [code_of(answer) for answer in answers]


@pytest.mark.check("S33", part=True)
async def test_a_ticket_and_a_confirm_token_are_for_one_use(shop: Shop) -> None:
    order, heard = await used_again(shop)
    assert heard == [(410, "ticket_expired")] * 3
    assert await shop.balance() == (90, 10) and not await shop.sql("select 1 from verification_guess")
    noted = await shop.sql(
        "select outcome, reason, actor_id, facts ->> 'store_id' from audit_event where action = 'redemption.ticket' and object_id = :id",
        id=UUID(order["id"]),
    )
    reasons = ["ticket_replayed"] + ["ticket_used"] * 3
    assert [tuple(row) for row in noted] == [("denied", reason, shop.clerk.id, shop.id) for reason in reasons]
    assert (await shop.verify(token=await shop.ticket(order))).status_code == 200, "a fresh one works at once"
    await undo(shop, order)
    assert (await shop.verify(order["code"])).status_code == 200, "a typed code is for the order's whole life"
    assert await shop.sql("select uses from redemption where id = :id", id=UUID(order["id"])) == [(3,)]


@pytest.mark.variant("S33")
async def test_a_ticket_without_its_use_would_work_twice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant: nothing counts the uses."""
    right = till.VERIFY.statement
    update = str(right).replace("uses = r.uses + 1, ", "")
    assert isinstance(right, sa.TextClause) and update != str(right)
    monkeypatch.setattr(till, "VERIFY", Prepared(sa.text(update).bindparams(*right._bindparams.values())))
    _, heard = await used_again(shop)
    assert heard[1] == (200, "")


async def test_a_token_of_the_release_before_is_for_the_first_use(shop: Shop) -> None:
    ring, order, now = shop.session.info["keys"], await shop.order(await shop.reward()), clock.now()
    message = tickets.struct.pack("!c16sI", b"t", UUID(order["id"]).bytes, tickets.step_of(now))
    assert tickets.ticket(ring, redemption_id=UUID(order["id"]), uses=0, now=now)[0] == tickets._signed(ring, message)
    assert (await shop.verify(token=tickets._signed(ring, message))).status_code == 200
    await undo(shop, order)
    assert code_of(await shop.verify(token=tickets._signed(ring, message))) == (410, "ticket_expired")


async def test_a_riders_yes_fits_one_use(shop: Shop) -> None:
    await shop.patch(shop.admin, f"/stores/{shop.id}", {"confirm_above_points": 5})
    order = await shop.order(await shop.reward())
    assert (await shop.post(shop.rider, f"/redemptions/{order['id']}/confirm")).status_code == 200
    assert (await shop.verify(order["code"])).status_code == 200
    await undo(shop, order)
    assert code_of(await shop.verify(order["code"])) == (409, "confirmation_required")
    assert "confirm" in (await shop.get(shop.rider, f"/redemptions/{order['id']}")).json()["allowed"]


async def test_thirty_wrong_codes_stop_a_clerk_everywhere(shop: Shop) -> None:
    order = await shop.order(await shop.reward(store_ids=[shop.id, shop.other_id]))
    stores = [(Role.STORE_CLERK, ScopeType.STORE, UUID(one)) for one in (shop.id, shop.other_id)]
    guesser, other = await shop.people.member(grants=stores), await shop.people.member(grants=stores)
    area = (await shop.sql("select area_id::text from store where id = :id", id=UUID(shop.id)))[0][0]
    place = {"lng": 116.78, "lat": 35.55, "crs": "gcj02"}
    third = await shop.post(shop.admin, "/stores", {
        "area_id": area, "name": "第三便利店", "location": place, "address": "文化路 3 号", "phone": "0537-3412345", "hours": "08:00-22:00",
    })
    for _ in range(29):
        await shop.sql(
            "insert into verification_guess (id, store_id, actor_id, created_at)"
            " values (gen_random_uuid(), :store, :actor, clock_timestamp() - interval '9 minutes')",
            store=UUID(third.json()["id"]), actor=guesser.id,
        )
    assert code_of(await shop.verify(codes.draw(), who=guesser)) == (404, "code_not_found")
    for store in (shop.id, shop.other_id):
        stopped = await shop.verify(order["code"], store=store, who=guesser)
        assert code_of(stopped) == (429, "too_many_attempts") and 0 < int(stopped.headers["Retry-After"]) <= 60
    assert code_of(await shop.verify(codes.draw(), who=guesser, store=shop.other_id)) == (429, "too_many_attempts")
    assert (await shop.verify(order["code"], store=shop.other_id, who=other)).status_code == 200


async def test_unknown_and_foreign_codes_take_the_same_statements(shop: Shop, statements: list[str]) -> None:
    """And every mistyped one takes none: one wrong symbol, two that changed places."""
    order = await shop.order(await shop.reward())
    seen = []
    for text in (codes.grouped(codes.draw()), order["code"]):
        statements.clear()
        answer = await shop.verify(text, store=shop.other_id, who=shop.other_clerk)
        assert code_of(answer) == (404, "code_not_found")
        seen.append(([one for one in statements if "SAVEPOINT" not in one], answer.json() | {"request_id": ""}))
    assert seen[0] == seen[1]
    code = order["code"].replace("-", "")
    swapped = next(place for place in range(11) if code[place] != code[place + 1])
    mistyped = [code[:5] + codes.ALPHABET[(codes.ALPHABET.index(code[5]) + 1) % 32] + code[6:]]
    mistyped.append(code[:swapped] + code[swapped + 1] + code[swapped] + code[swapped + 2 :])
    for text in mistyped:
        statements.clear()
        assert code_of(await shop.verify(text)) == (422, "code_malformed")
        assert not [one for one in statements if "redemption" in one or "verification" in one], statements


@pytest.mark.parametrize("name", ["长" * 120, "𠮷" * 120, '"' * 120, "aé" * 60])
async def test_the_answer_is_at_most_1_kb(shop: Shop, name: str) -> None:
    assert (await shop.patch(shop.admin, f"/stores/{shop.id}", {"name": name})).status_code == 200
    order = await shop.order(await shop.reward(name=name), 10)
    done = await shop.verify(order["code"])
    assert done.status_code == 200 and len(done.content) <= 1024, len(done.content)
    told = done.json()
    assert told["reward"]["name"].rstrip("…") == name[: len(told["reward"]["name"].rstrip("…"))] and len(told["reward"]["name"]) > 20
    listed = (await shop.get(shop.clerk, f"/stores/{shop.id}/verifications")).json()["items"]
    assert listed[0]["reward"]["name"] == name


async def test_no_undo_once_the_month_is_closed(shop: Shop) -> None:
    order = await shop.order(await shop.reward())
    assert (await shop.verify(order["code"])).status_code == 200
    month = clock.month_start(clock.today())
    shop.session.add(Settlement(store_id=UUID(shop.id), month=month, closed_at=clock.now(), confirm_by=clock.today()))
    await shop.session.flush()
    refused = await shop.post(shop.clerk, f"/redemptions/{order['id']}/undo", {"reason": "拿错商品"})
    assert code_of(refused) == (409, "undo_too_late") and await shop.balance() == (90, 0)

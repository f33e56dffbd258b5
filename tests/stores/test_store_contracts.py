"""Contracts with stores: who makes, ends and reads them; what a store without one in force may still do; who hears of the end."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app import clock
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.stores import queries_contracts
from app.stores.models_contracts import StoreContractReminder
from app.stores.schemas_contracts import ContractIn
from tests.stores.shopkeeping import API, Keeping, keeping
from tests.support.county import County
from tests.support.people import People, Person

TODAY, DAY = clock.today(), timedelta(days=1)
ACCOUNT = "6228480402564890018"
# The same once more, as nobody would who asks first: what the service looks at before is held by the table itself.
COPIED = """
insert into store_contract
select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'number', 'XX-9', 'ended_on', null, 'ended_by', null,
                                                    'ended_at', null, 'end_reason_id', null))).* from store_contract c"""


def terms(first: int = 0, last: int = 364, number: str = "XX-001", **more: Any) -> dict[str, Any]:
    """A contract from and to so many days from today."""
    return {
        "number": number, "signed_on": str(TODAY), "starts_on": str(TODAY + first * DAY), "ends_on": str(TODAY + last * DAY),
        "payee_name": "东风便利店", "bank_name": "农业银行", "bank_account": ACCOUNT,
    } | more


@pytest.fixture
async def shop(client: httpx.AsyncClient, people: People, county: County) -> Keeping:
    return await keeping(client, people, county)


async def sign(shop: Keeping, who: Person | None = None, **told: Any) -> httpx.Response:
    return await shop.client.post(f"{shop.path}/contracts", headers=(who or shop.admin).headers, json=terms(**told))


async def end(shop: Keeping, contract_id: str, day: Any, who: Person | None = None, **headers: str) -> httpx.Response:
    body = {"ends_on": str(day), "reason": "门店搬迁"}
    path = f"{shop.path}/contracts/{contract_id}/end"
    return await shop.client.post(path, headers=(who or shop.admin).headers | headers, json=body)


async def messages(shop: Keeping, who: Person) -> list[str]:
    return [one["title"] for one in (await shop.client.get("/api/v1/messages", headers=who.headers)).json()["items"]]


async def test_an_administrator_signs_the_owner_reads_nobody_sees_the_account(shop: Keeping, session: AsyncSession) -> None:
    assert shop.owner and shop.clerk
    for who, status in ((shop.owner, 403), (shop.clerk, 403), (shop.rider, 404)):
        assert (await sign(shop, who)).status_code == status
    made = await sign(shop, note="试点商家", bank_account="6228 4804 0256 4890 018")
    assert made.status_code == 201, made.text
    assert (made.json()["bank_account"], made.json()["state"], made.json()["allowed"]) == ("****0018", "in_force", ["end"])
    assert (made.json()["note"], made.json()["pay_within_days"], made.json()["version"]) == ("试点商家", 10, 1)
    for who, status in ((shop.owner, 200), (shop.admin, 200), (shop.clerk, 403), (shop.rider, 404)):
        listed = await shop.client.get(f"{shop.path}/contracts", headers=who.headers)
        assert listed.status_code == status and ACCOUNT[:-4] not in listed.text
    listed = await shop.client.get(f"{shop.path}/contracts", headers=shop.owner.headers)
    assert listed.json()["items"] == [made.json() | {"allowed": []}]
    contract = await queries_contracts.in_force(session, store_id=UUID(shop.id), day=TODAY)
    assert contract is not None and str(contract.id) == made.json()["id"] and ACCOUNT.encode() not in contract.bank_account_sealed
    assert (await queries_contracts.payee(session, contract)).bank_account == ACCOUNT
    assert await queries_contracts.in_force(session, store_id=UUID(shop.id), day=TODAY + 365 * DAY) is None


@pytest.mark.parametrize(
    "wrong", [{"bank_account": "12 34"}, {"bank_account": "六二二八四八零四"}, {"last": -1}, {"pay_within_days": 0}, {"last": 4000}]
)
def test_a_contract_has_a_shape(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ContractIn.model_validate_json(json.dumps(terms(**wrong)))


async def test_nobody_agrees_with_oneself(shop: Keeping, people: People, county: County) -> None:
    both = await people.member(
        grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id), (Role.STORE_OWNER, ScopeType.STORE, UUID(shop.id))]
    )
    assert (await sign(shop, both)).status_code == 403
    made = (await sign(shop)).json()
    assert (await end(shop, made["id"], TODAY, both)).status_code == 403
    listed = await shop.client.get(f"{shop.path}/contracts", headers=both.headers)
    assert listed.json()["items"] == [made | {"allowed": []}]
    assert (await shop.client.get(shop.path, headers=both.headers)).json()["allowed"] == ["update", "staff"]


async def test_contracts_do_not_overlap_and_stay_as_they_were_signed(shop: Keeping, session: AsyncSession) -> None:
    first = (await sign(shop, last=100)).json()
    for span in ({"first": 100, "last": 200}, {"first": -10, "last": 0}, {"first": 10, "last": 20}):
        refused = await sign(shop, number="XX-002", **span)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await sign(shop, first=101, last=200)).json()["code"] == "already_exists"
    assert (await sign(shop, first=101, last=200, number="XX-002")).json()["state"] == "coming"
    assert (await end(shop, first["id"], TODAY - DAY)).status_code == 422
    assert (await end(shop, first["id"], TODAY + 100 * DAY)).status_code == 422
    assert (await end(shop, first["id"], TODAY, shop.owner)).status_code == 403
    assert (await end(shop, first["id"], TODAY, **{"If-Match": '"7"'})).status_code == 412
    ended = await end(shop, first["id"], TODAY + 9 * DAY)
    assert (ended.json()["ended_on"], ended.json()["end_reason"], ended.json()["allowed"]) == (str(TODAY + 9 * DAY), "门店搬迁", [])
    again = await end(shop, first["id"], TODAY + 5 * DAY)
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    assert (await sign(shop, first=10, last=100, number="XX-003")).status_code == 201
    assert shop.owner and await messages(shop, shop.owner) == ["合同提前终止"]
    assert await status_elsewhere(shop, first["id"]) == 404
    await refused_by_the_database(session, COPIED, UUID(first["id"]), "23P01")
    await refused_by_the_database(session, "update store_contract set payee_name = 'x'", UUID(first["id"]))
    await refused_by_the_database(session, f"update store_contract set ended_on = '{TODAY}'", UUID(first["id"]))
    await refused_by_the_database(session, "delete from store_contract", UUID(first["id"]))


async def status_elsewhere(shop: Keeping, contract_id: str) -> int:
    """Of ending it under another store's path."""
    body = {"ends_on": str(TODAY), "reason": "门店搬迁"}
    path = f"{API}/{await shop.open()}/contracts/{contract_id}/end"
    return (await shop.client.post(path, headers=shop.admin.headers, json=body)).status_code


async def refused_by_the_database(session: AsyncSession, statement: str, contract_id: UUID, state: str = "42501") -> None:
    connection = await session.connection()
    with pytest.raises(DBAPIError) as refusal:
        async with connection.begin_nested():
            await connection.execute(sa.text(f"{statement} where id = :id"), {"id": contract_id})
    assert getattr(refusal.value.orig, "sqlstate", None) == state


async def test_without_a_contract_in_force_nothing_new_is_offered(shop: Keeping, session: AsyncSession) -> None:
    """A store that never had one works as ever; one whose contracts are over, or have not begun, is left out of the lists."""
    assert (await shop.seen(shop.rider))["offered"] is True
    for first, last, offered in ((-20, -10, False), (5, 20, False), (-9, 0, True)):
        assert (await sign(shop, first=first, last=last, number=f"XX{first}")).status_code == 201
        assert (await shop.seen(shop.rider))["offered"] is offered
        for where in ({}, {"radius_m": 2000}):
            assert await shop.listed(shop.rider, **where) == ([shop.id] if offered else [])
        assert await shop.listed(shop.admin) == [shop.id]
    days = {day: await queries_contracts.in_force(session, store_id=UUID(shop.id), day=TODAY + day * DAY) for day in (-9, 0, 1, 5)}
    assert [found is not None for found in days.values()] == [True, True, False, True]
    latest = await queries_contracts.within(session, store_id=UUID(shop.id), first=TODAY - 30 * DAY, last=TODAY)
    assert latest == days[0]


async def test_who_is_concerned_hears_once_of_the_end(
    shop: Keeping, session: AsyncSession, run_job: Callable[..., Awaitable[None]]
) -> None:
    assert shop.owner and shop.clerk
    other, third = await shop.open(), await shop.open()
    await sign(shop, last=30)
    # Of the other store's, the one that follows is there already; the third's lasts longer.
    for store, first, last, number in ((other, 0, 29, "XX-010"), (other, 30, 200, "XX-011"), (third, 0, 31, "XX-012")):
        made = await shop.client.post(f"{API}/{store}/contracts", headers=shop.admin.headers, json=terms(first, last, number))
        assert made.status_code == 201
    for _ in range(2):
        await run_job("store.contracts_ending")
    heard = {who.id: await messages(shop, who) for who in (shop.owner, shop.admin, shop.clerk)}
    assert heard == {shop.owner.id: ["商家合同即将到期"], shop.admin.id: ["商家合同即将到期"], shop.clerk.id: []}
    told = await session.exec(sa.select(sa.func.count()).select_from(StoreContractReminder))
    assert told.scalar_one() == 2

"""A copy of one's data, cancelling, restoring, erasing."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth import queries as auth_queries
from app.auth.models import Account, AuthSession
from app.auth.principal import AccountStatus
from app.me.features import FEATURES
from app.members import queries as members_queries
from app.members import service as members_service
from app.messages import service as messages_service

ME = "/api/v1/members/me"


async def sign_in(client, simulator, person: str) -> dict[str, str]:
    answer = await client.post("/api/v1/auth/wechat", json={"code": await simulator.code(person)})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def bring_forward(session, member_id: UUID, days: int) -> None:
    """Makes a cancellation look `days` older."""
    await session.exec(sa.update(Account).where(col(Account.id) == member_id).values(erase_on=Account.erase_on - days))


async def account_of(session, member_id: UUID) -> Account:
    account = await auth_queries.get(session, member_id)
    assert account is not None
    return account


@pytest.fixture
async def rider(client, simulator, session, county):
    headers = await sign_in(client, simulator, "钱七")
    await client.post(f"{ME}/phone", json={"code": await simulator.phone_code("钱七", "13800138030")}, headers=headers)
    member_id = UUID((await client.get(ME, headers=headers)).json()["id"])
    await members_service.set_profile(session, member_id=member_id, real_name="钱七七", occupation="courier", area=county.grid)
    await messages_service.send(session, member_id=member_id, category="system", title="欢迎钱七七", body="您好，钱七七")
    return member_id, headers


async def test_the_copy_has_every_feature(client, rider) -> None:
    member_id, headers = rider
    answer = await client.get(f"{ME}/export", headers=headers)
    assert answer.status_code == 200
    copy = answer.json()
    assert copy["id"] == str(member_id)
    assert set(copy["data"]) == {feature.name for feature in FEATURES}
    assert copy["data"]["auth"]["account"]["phone"] == "13800138030"
    assert copy["data"]["members"]["profile"]["real_name"] == "钱七七"
    assert copy["data"]["messages"]["messages"][0]["title"] == "欢迎钱七七"


async def test_cancelling_ends_every_session_and_can_be_taken_back(client, simulator, session, rider) -> None:
    member_id, headers = rider
    asked = await client.delete(ME, headers=headers)
    assert (asked.status_code, asked.json()["erase_on"]) == (202, (clock.today() + timedelta(days=7)).isoformat())
    assert asked.json()["closing"] == {"orders": 0, "reports": 0, "registrations": 0, "points": 0}
    assert (await client.get(ME, headers=headers)).status_code == 401
    live = sa.select(col(AuthSession.id)).where(col(AuthSession.account_id) == member_id, col(AuthSession.ended_at).is_(None))
    assert (await session.exec(live)).first() is None

    again = await sign_in(client, simulator, "钱七")
    profile = (await client.get(ME, headers=again)).json()
    assert (profile["status"], profile["erase_on"]) == ("cancelling", asked.json()["erase_on"])
    assert profile["allowed"] == ["restore", "cancel"]
    assert (await client.patch(ME, json={"nickname": "x"}, headers=again)).status_code == 403
    assert (await client.get(f"{ME}/export", headers=again)).status_code == 200
    restored = await client.post(f"{ME}/restore", headers=again)
    assert (restored.status_code, restored.json()["status"], restored.json()["erase_on"]) == (200, "active", None)
    assert restored.json()["real_name"] == "钱七七"
    twice = await client.post(f"{ME}/restore", headers=again)
    assert (twice.status_code, twice.json()["code"]) == (409, "invalid_transition")


async def test_asking_again_does_not_move_the_day(client, simulator, session, rider) -> None:
    member_id, headers = rider
    await client.delete(ME, headers=headers)
    await bring_forward(session, member_id, 3)
    again = await client.delete(ME, headers=await sign_in(client, simulator, "钱七"))
    assert (again.status_code, again.json()["erase_on"]) == (202, (clock.today() + timedelta(days=4)).isoformat())


async def test_erasure_comes_on_its_day_and_leaves_nothing_personal(client, simulator, session, run_job, rider) -> None:
    member_id, headers = rider
    await client.delete(ME, headers=headers)
    await bring_forward(session, member_id, 6)
    assert member_id not in await auth_queries.to_erase(session)
    await run_job("me.erase", {"member_id": str(member_id)})
    assert (await account_of(session, member_id)).status is AccountStatus.CANCELLING

    await bring_forward(session, member_id, 1)
    assert member_id in await auth_queries.to_erase(session)
    for _ in range(2):
        await run_job("me.erase", {"member_id": str(member_id)})
    account = await account_of(session, member_id)
    assert account.status is AccountStatus.ERASED
    assert {account.phone_index, account.phone_sealed, account.openid_index, account.openid_sealed} == {None}
    assert await members_queries.real_name(session, member_id=member_id) is None
    for feature in FEATURES:
        copy = str(await feature.export(session, member_id=member_id))
        assert "钱七" not in copy and "13800138030" not in copy, feature.name
    newcomer = await sign_in(client, simulator, "钱七")
    assert (await client.get(ME, headers=newcomer)).json()["id"] != str(member_id)


async def test_a_restored_account_is_not_erased(client, simulator, session, run_job, rider) -> None:
    member_id, headers = rider
    await client.delete(ME, headers=headers)
    await bring_forward(session, member_id, 7)
    await client.post(f"{ME}/restore", headers=await sign_in(client, simulator, "钱七"))
    await run_job("me.erase", {"member_id": str(member_id)})
    assert await members_queries.real_name(session, member_id=member_id) == "钱七七"


async def test_the_clock_finds_those_who_are_due(client, session, run_job, queued, rider) -> None:
    member_id, headers = rider
    await client.delete(ME, headers=headers)
    await bring_forward(session, member_id, 9)
    await run_job("me.erase_due", {})
    assert ("me.erase", {"member_id": str(member_id)}) in await queued(session)


def test_auth_is_forgotten_last_and_no_name_comes_twice() -> None:
    names = [feature.name for feature in FEATURES]
    assert names[-1] == "auth" and len(set(names)) == len(names)

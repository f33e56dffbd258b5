"""What an operator does about one account from a shell: its devices, its power, its lost second factor."""

import httpx
import pytest

from app import cli_accounts
from app.db.session import AsyncSession, Database
from app.errors import InvalidTransition, NotFound
from tests.auth.calls import API, attempt, bearer, enrolled, refusal, row
from tests.support.people import People


async def test_an_operator_signs_out_stops_and_lets_go_on(client: httpx.AsyncClient, database: Database, people: People) -> None:
    admin = await people.console()
    signed = (await attempt(client, admin.username)).json()

    async def seen() -> tuple[int, int]:
        mine = await client.get(f"{API}/auth/sessions", headers=bearer(signed))
        return mine.status_code, (await attempt(client, admin.username)).status_code

    assert await seen() == (200, 200)
    await cli_accounts.applied(database, f" {(admin.username or '').upper()}", cli_accounts.ended)
    assert await seen() == (401, 200)
    await cli_accounts.applied(database, str(admin.id), cli_accounts.suspended)
    assert refusal(await attempt(client, admin.username)) == (403, "account_suspended")
    with pytest.raises(InvalidTransition):
        await cli_accounts.applied(database, str(admin.id), cli_accounts.suspended)
    await cli_accounts.applied(database, str(admin.id), cli_accounts.resumed)
    assert await seen() == (401, 200)
    with pytest.raises(NotFound):
        await cli_accounts.applied(database, "nobody-of-this-name", cli_accounts.ended)


async def test_a_lost_factor_is_taken_away_with_every_session(
    client: httpx.AsyncClient, database: Database, people: People, session: AsyncSession
) -> None:
    admin = await people.console()
    factor = await enrolled(client, admin.headers)
    wrong = f"{(int(factor.code()) + 1) % 10**6:06d}"
    for _ in range(5):
        assert refusal(await attempt(client, admin.username, otp=wrong)) == (401, "bad_credentials")
    assert refusal(await attempt(client, admin.username, otp=wrong)) == (429, "too_many_attempts")
    await cli_accounts.applied(database, str(admin.id), cli_accounts.reset_factor)
    assert (await client.get(f"{API}/auth/sessions", headers=admin.headers)).status_code == 401
    fresh = await attempt(client, admin.username)
    assert fresh.status_code == 200
    await enrolled(client, bearer(fresh.json()))
    events = await row(session, "select count(*) as n from audit_event where action = 'auth.reset_factor' and object_id = :id", id=admin.id)
    assert events.n == 1
    with pytest.raises(NotFound):
        await cli_accounts.applied(database, str((await people.console()).id), cli_accounts.reset_factor)

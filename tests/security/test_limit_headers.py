"""S36, the headers: whoever waits as long as Retry-After says is heard, and a moment before nobody is. The till's: `test_guessed_codes`."""

import httpx
import pytest

from app.db.session import AsyncSession
from app.proofs import workflow
from app.security import typed_codes
from tests.auth.calls import API, attempt
from tests.support.people import People
from tests.support.waits import guessed_until_stopped


@pytest.mark.check("S36")
async def test_whoever_waits_as_long_as_was_said_is_heard(
    client: httpx.AsyncClient, people: People, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await people.console()
    monkeypatch.setattr(workflow, "GUESSES", 12)

    async def password() -> httpx.Response:
        return await attempt(client, admin.username, "wrong")

    async def proof() -> httpx.Response:
        return await client.get(f"{API}/reports/proofs/{typed_codes.draw()}")

    assert await guessed_until_stopped(session, password, limit=5, spread_s=10) == [429, 429, 401]
    assert await guessed_until_stopped(session, proof, limit=12, spread_s=200) == [429, 429, 404]

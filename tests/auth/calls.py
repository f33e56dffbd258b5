"""What the tests of sign-in say again and again."""

import base64
from typing import Any

import httpx
import sqlalchemy as sa

from app import clock
from app.db.session import AsyncSession
from app.security import otp as totp
from tests.support.people import CONSOLE_PASSWORD
from tests.support.simulator import RunningSimulator

API = "/api/v1"


async def sign_in(client: httpx.AsyncClient, simulator: RunningSimulator, person: str) -> dict[str, Any]:
    answer = await client.post(f"{API}/auth/wechat", json={"code": await simulator.code(person)})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def bearer(signed_in: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed_in['access_token']}"}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


async def execute(session: AsyncSession, sql: str, **values: Any) -> None:
    connection = await session.connection()
    await connection.execute(sa.text(sql), values)


async def row(session: AsyncSession, sql: str, **values: Any) -> Any:
    connection = await session.connection()
    return (await connection.execute(sa.text(sql), values)).first()


async def attempt(client: httpx.AsyncClient, name: str | None, password: str = CONSOLE_PASSWORD, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    return await client.post(f"{API}/auth/password", json={"username": name, "password": password, **more}, headers=headers)


class Factor:
    """An authenticator app."""

    def __init__(self, enrolment: dict[str, Any]) -> None:
        self.recovery = enrolment["recovery_codes"]
        self.secret = base64.b32decode(enrolment["secret"])

    def code(self, steps: int = 0) -> str:
        return totp.code_at(self.secret, int(clock.now().timestamp()) // totp.STEP_SECONDS + steps)


async def enrolled(client: httpx.AsyncClient, headers: dict[str, str]) -> Factor:
    """Confirmed by the code of the step before, so that the present one is still to be used."""
    answer = await client.post(f"{API}/auth/otp", headers=headers)
    assert answer.status_code == 201, answer.text
    factor = Factor(answer.json())
    confirmed = await client.post(f"{API}/auth/otp/confirm", headers=headers, json={"otp": factor.code(-1)})
    assert (confirmed.status_code, confirmed.json()) == (200, {"confirmed": True})
    return factor

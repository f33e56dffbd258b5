"""What the tests of sign-in say again and again."""

from typing import Any

import httpx
import sqlalchemy as sa

from app.db.session import AsyncSession
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

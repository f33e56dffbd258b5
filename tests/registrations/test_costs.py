"""Lists cost as many statements with ten rows as with one."""

from datetime import timedelta
from typing import Any

from app import clock
from app.registrations.models import Status
from tests.support.branches import API

ROWS = 10


async def cost(client, who, path: str, statements: list[str]) -> tuple[int, list[Any]]:
    statements.clear()
    answer = await client.get(f"{API}{path}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return len(statements), answer.json()["items"]


async def same(client, who, path: str, statements: list[str]) -> None:
    join = "&" if "?" in path else "?"
    one, page = await cost(client, who, f"{path}{join}limit=1", statements)
    ten, whole = await cost(client, who, f"{path}{join}limit={ROWS}", statements)
    assert (len(page), len(whole)) == (1, ROWS)
    assert one == ten, f"{path}: {one} statements for one row, {ten} for {ROWS}"


async def test_lists_of_staff(client, people, branch, put, statements) -> None:
    today = clock.today()
    for _ in range(ROWS):
        rider = await people.member()
        await put(rider, branch, Status.APPROVED, management="mobile", six_months_on=today + timedelta(days=1))
    for path in ("", "?status=approved", "?six_months=running", "/contacts-due", "/contacts-due?overdue=false"):
        await same(client, branch.secretary, path, statements)
    await same(client, branch.instructor, "", statements)
    await same(client, branch.instructor, "/contacts-due", statements)


async def test_ones_own(client, people, branch, put, statements) -> None:
    rider = await people.member()
    await put(rider, branch, Status.APPROVED)
    for _ in range(ROWS - 1):
        await put(rider, branch, Status.WITHDRAWN)
    one, _ = await cost(client, rider, "/mine?limit=1", statements)
    ten, whole = await cost(client, rider, f"/mine?limit={ROWS}", statements)
    assert len(whole) == ROWS and sum(row["contact"] is not None for row in whole) == 1
    assert abs(ten - one) <= 2, "only the one that is looked after costs more: its card and the person's name"

"""Proofs that are asked for twice at once are one; two processes that follow the rules of retention share the work and do nothing twice."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.audit.models import AuditEvent
from app.db import session as db_session
from app.reports.models import Report
from app.retention import service as retention_service
from tests.races.naive import CONTENDERS, scratch
from tests.support.newcomer import World
from tests.support.service import Service
from tests.support.volley import shot, volley

ASKED = 20
ROWS = 8


async def test_a_proof_is_made_once(world: World) -> None:
    rider = await world.rider()
    report = await rider.files()
    answers = await volley(world.service, [shot(rider, f"/reports/{report['id']}/proof", None, method="GET") for _ in range(ASKED)])
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["code"] for answer in answers}) == 1


def once(rounds: Sequence[int], rows: int) -> None:
    """Judge: whatever each of them did is together what there was to do."""
    assert sum(rounds) == rows, rounds


async def ended_long_ago(world: World) -> list[UUID]:
    """Rejected reports whose day has come."""
    rider, ids = await world.rider(), list[UUID]()
    for _ in range(ROWS):
        made = await rider.files()
        await world.reviewers[0].does("POST", f"/reports/{made['id']}/reject", {"reason_code": "abuse", "note": "x"})
        ids.append(UUID(made["id"]))
    connection = await asyncpg.connect(world.service.database_url)
    try:
        await connection.execute("update report set ended_at = clock_timestamp() - interval '91 days' where id = any($1)", ids)
    finally:
        await connection.close()
    return ids


async def test_two_processes_round_each_place_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_service, "BATCH", 2)
    ids = await ended_long_ago(world)
    bases = [db_session.connect(world.service.database_url, info={}, pool_size=1) for _ in range(2)]

    async def follow(database: db_session.Database) -> list[int]:
        done = [1]
        while done[-1]:
            async with database.transaction() as session:
                done.append(await retention_service.follow(session, code="place_rounded"))
        return done[1:]

    try:
        first, second = await asyncio.gather(*(follow(database) for database in bases))
        async with bases[0].session() as session:
            left = await session.exec(sa.select(sa.func.count()).where(col(Report.id).in_(ids), col(Report.place_rounded_at).is_(None)))
            noted = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "retention.follow"))
            rows = [event.facts["rows"] for event in noted.scalars().all() if event.facts["rule"] == "place_rounded"]
        assert int(left.scalar_one()) == 0 and first and second
        once([*first, *second], ROWS)
        once(rows, ROWS)
    finally:
        for database in bases:
            await database.close()


async def test_naive_retention_counts_a_row_for_everybody(service: Service) -> None:
    """Known bad: each reads what is to be done, and then does it."""
    async with scratch(service.database_url, "rounded int", "0") as table:
        heard = await table.race(
            "select rounded from {table}", may=lambda seen: seen == 0, writes=["update {table} set rounded = 1"], loser="nothing"
        )
    assert len(heard) == CONTENDERS
    with pytest.raises(AssertionError):
        once([int(one == "ok") for one in heard], 1)


async def test_an_operator_asks_first(service: Service) -> None:
    told = service.manage("retention", "--dry-run")
    assert told.returncode == 0 and "place_rounded: " in told.stdout and "proof: " in told.stdout, told.stderr

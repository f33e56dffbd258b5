"""`scripts/manage jobs`, on rows that are really there."""

import asyncio

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.cli import cli
from app.jobs import service

NAME = "tests.desk"


@pytest.fixture
async def letters(committed):
    """Two dead letters; gone afterwards, with what the commands have written about them."""
    async with committed.transaction() as session:
        for number in range(2):
            await service.enqueue(session, NAME, {"item": number})
        connection = await session.connection()
        made = await connection.execute(
            sa.text("update jobs.pgqueuer set status = 'failed', attempts = 7 where entrypoint = :name returning id"), {"name": NAME}
        )
        ids = sorted(int(row[0]) for row in made)
    yield ids
    async with committed.transaction() as session:
        for table in ("jobs.pgqueuer", "jobs.pgqueuer_log"):
            await (await session.connection()).execute(sa.text(f"delete from {table} where entrypoint = :name"), {"name": NAME})


@pytest.fixture
def manage(settings, monkeypatch):
    for name in ("database_url", "data_dir", "secret_keys", "field_keys"):
        monkeypatch.setenv(f"XINXIN_{name.upper()}", str(getattr(settings, name)))

    async def said(*arguments: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, cli, ["jobs", *arguments])
        return done.exit_code, done.output

    return said


async def test_dead_letters_are_listed_shown_and_refused_without_a_choice(manage, letters) -> None:
    first, second = letters
    code, said = await manage()
    assert code == 0 and f"{first} {NAME} failed attempts=7" in said and "failed=2" in said
    counted, age = (await manage("list", "--status", "queued", "--name", NAME))[1].strip().splitlines()
    assert counted == "failed=2" and "due=0" in age and "oldest due 0 s" in age
    code, said = await manage("show", str(second))
    assert code == 0 and '{"item": 1}' in said and "priority 0 crashes 0" in said and " queued" in said
    assert (await manage("show", "999999999"))[0] == 1 and (await manage("drop"))[0] == 1
    assert (await manage("retry", "--name", "tests.nobody"))[1].startswith("0 ")

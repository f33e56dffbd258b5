"""What only the owner of the tables may do: turn triggers off, put history into another time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa


@asynccontextmanager
async def as_owner(session: Any) -> AsyncIterator[None]:
    """Inside the block this session (or connection) is the login that ran the migrations; after it the application again.

    Both for the open transaction: a savepoint that is rolled back takes the change of role with it.
    """
    run = getattr(session, "exec", None) or session.execute
    role = (await run(sa.text("select current_setting('role')"))).scalar_one()
    await run(sa.text("set local role none"))
    yield
    await run(sa.text(f"set local role {role}"))


async def without_second_wall(session: Any) -> None:
    """For the rest of the open transaction row security lets everything through, and what the queries let out can be seen."""
    down = "create or replace function acting_freely() returns boolean language sql stable parallel safe as $$ select true $$"
    async with as_owner(session):
        run = getattr(session, "exec", None) or session.execute
        await run(sa.text(down))

"""What only the owner of the tables may do: turn triggers off, put history into another time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa

from app.db import roles


@asynccontextmanager
async def as_owner(session: Any) -> AsyncIterator[None]:
    """Inside the block this session (or connection) is the login that ran the migrations; after it the application again.

    Both for the open transaction: a savepoint that is rolled back takes the change of role with it.
    """
    run = getattr(session, "exec", None) or session.execute
    await run(sa.text("set local role none"))
    yield
    await run(sa.text(f"set local role {roles.APP}"))

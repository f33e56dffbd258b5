"""A database for each test, whose rows may be committed, and sessions that carry whichever ring the test asks for."""

import os
import secrets
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
import sqlalchemy as sa

from app.db import session as db_session
from app.db.session import Database
from app.security.keys import KeyRing, MasterKeys
from tests.conftest import SERVER, migrated_database

MASTERS = {kid: secrets.token_bytes(32) for kid in ("k1", "k2", "k3")}
SECRET = MasterKeys({"s1": secrets.token_bytes(32)})
Opening = Callable[..., Database]


def ring(*kids: str, cipher: str = "aes-256-gcm") -> KeyRing:
    return KeyRing(SECRET, MasterKeys({kid: MASTERS[kid] for kid in kids}), cipher)


@pytest.fixture(scope="session")
async def empty(worker_id: str) -> str:
    """The name of a migrated database that nobody is connected to."""
    name = f"xinxin_rotation_{worker_id}"
    await migrated_database(name)
    return name


@pytest.fixture
async def own_url(empty: str) -> str:
    """A copy of it."""
    connection = await asyncpg.connect(os.environ[SERVER])
    try:
        await connection.execute(f'drop database if exists "{empty}_copy" with (force)')
        await connection.execute(f'create database "{empty}_copy" template "{empty}" strategy file_copy')
    finally:
        await connection.close()
    return sa.make_url(os.environ[SERVER]).set(database=f"{empty}_copy").render_as_string(hide_password=False)


@pytest.fixture
async def opening(own_url: str) -> AsyncIterator[Opening]:
    """`opening("k2", "k1")`: a process whose ring begins with k2."""
    opened: list[Database] = []

    def make(*kids: str, cipher: str = "aes-256-gcm") -> Database:
        opened.append(db_session.connect(own_url, info={"keys": ring(*kids, cipher=cipher), "address": "192.0.2.1"}, pool_size=3))
        return opened[-1]

    yield make
    for database in opened:
        await database.close()


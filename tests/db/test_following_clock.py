"""Time is the database's, kept between two looks by the monotonic clock: what the machine's clock says decides nothing (S12)."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from app import clock
from app.db import pulse
from app.db import session as db_session
from app.db.base import new_id
from app.errors import TokenExpired
from app.parts import session_info
from app.security import tokens
from app.settings import Settings

HOURS = 2 * 3600.0


@pytest.fixture
def wrong(request: pytest.FixtureRequest) -> Iterator[float]:
    """The machine is so many seconds before the database."""
    ahead: float = request.param
    heard = time.monotonic()
    clock.follow(time.time() - ahead, heard, heard)
    yield ahead
    clock.follow_machine()


def id_age() -> float:
    return clock.now().timestamp() - (new_id().int >> 80) / 1000


@pytest.mark.parametrize("wrong", [HOURS, -HOURS], indirect=True)
async def test_nothing_is_decided_by_a_wrong_machine(wrong: float, settings: Settings, client: httpx.AsyncClient) -> None:
    assert abs(clock.skew() - wrong) < 0.5
    assert abs((datetime.now(UTC) - clock.now()).total_seconds() - wrong) < 0.5
    assert abs(id_age()) < 0.5, "ids are in the order of the database's time"
    keys = session_info(settings)["keys"].secret  # type: ignore[attr-defined]
    issued = tokens.issue(keys, issuer="xinxin-test", account_id=uuid4(), session_id=uuid4())
    tokens.read(keys, issued, issuer="xinxin-test")
    shown = await client.get("/health/ready")
    assert (shown.status_code, shown.json()["parts"]["clock"]) == (503, "skewed")
    # The life of the token passes by the database's clock.
    later = time.monotonic()
    clock.follow(time.time() - wrong + (tokens.LIFETIME + timedelta(seconds=40)).total_seconds(), later, later)
    with pytest.raises(TokenExpired):
        tokens.read(keys, issued, issuer="xinxin-test")


def test_looks_agree_on_the_latest_bounds_and_do_not_jitter() -> None:
    """An answer was written between the asking and the hearing: what lies between moves nothing."""
    try:
        clock.follow(1_000_000.0, 10.0, 10.2)
        first = clock.skew()
        clock.follow(1_000_005.0, 14.8, 15.3)
        assert abs(clock.skew() - first) < 0.01
        clock.follow(1_000_100.0, 20.0, 20.1)
        assert abs(first - clock.skew() - 89.95) < 0.2, "it was set, and is followed"
    finally:
        clock.follow_machine()
    assert clock.skew() == 0


async def test_the_pulse_brings_the_time(database_url: str, settings: Settings) -> None:
    own = db_session.connect(database_url, info=session_info(settings), pool_size=1)
    try:
        async with pulse.watched(database_url, own.engine), own.reader() as session:
            said = (await session.exec(sa.select(sa.func.clock_timestamp()))).scalar_one()
            assert clock.follows() and abs((clock.now() - said).total_seconds()) < 0.5
    finally:
        await own.close()
    assert not clock.follows()

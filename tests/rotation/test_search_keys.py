"""What reports are searched by is found under every key of the ring, and re-made with them."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession, Database
from app.reports import queries_grams, search, texts
from app.reports.models import Report, ReportGram
from app.reports.service import indexing
from app.rotation import service
from app.rotation.derived import DERIVED
from app.rotation.fields import PLACES
from app.security.sealing import Under
from tests.rotation.conftest import Opening
from tests.rotation.people import LOOKS, account
from tests.support.county import make_county

K1, K2 = Under("k1", "aes-256-gcm"), Under("k2", "sm4-gcm")
NEITHER = Under("?", "?")
(GRAMS,) = DERIVED
REPORT = next(place for place in PLACES if place.table == "report")


async def filed(database: Database, *said: str) -> list[UUID]:
    member = await account(database)
    async with database.transaction() as session:
        where = (await session.exec(sa.text("select id, path from area where level = 'community' limit 1"))).first()
        if where is None:
            community = (await make_county(session)).community
            where = community.id, community.path
        made = []
        for text in said:
            report = Report(
                number=f"R20200101-{await _count(session):06d}", member_id=member, community_id=where[0], area_path=where[1], lng=116.72,
                lat=35.52,
            )
            texts.seal(session, report, description=text, address=None)
            session.add(report)
            await session.flush()
            await indexing.index(session, [report])
            made.append(report.id)
    return made


async def _count(session: AsyncSession) -> int:
    return int((await session.exec(sa.select(sa.func.count()).select_from(Report))).scalar_one())


async def holding(database: Database, typed: str) -> list[UUID]:
    async with database.reader() as session:
        wanted = texts.wanted(session, search.sought(typed))
        held = sa.or_(*(col(ReportGram.grams).contains(grams) for grams in wanted))
        return list((await session.exec(sa.select(col(ReportGram.report_id)).where(held).order_by(col(ReportGram.report_id)))).scalars())


async def surveyed(database: Database) -> dict[Under, int]:
    return dict((await service.survey(database, batch=7))["report_gram.grams"])


async def test_they_are_found_all_the_while_and_the_old_key_may_go(opening: Opening) -> None:
    before, turning, after = opening("k1"), opening("k2", "k1", cipher="sm4-gcm"), opening("k2", cipher="sm4-gcm")
    made = await filed(before, *["井盖松动"] * 10)
    made += await filed(turning, "井盖丢失")
    assert await surveyed(turning) == {K1: 10, K2: 1} and await holding(turning, "井盖") == made
    dry = await service.turn_derived(turning, GRAMS, batch=4, dry_run=True)
    assert (dry.seen, dry.remade) == (11, 10) and await surveyed(turning) == {K1: 10, K2: 1}
    await service.turn(turning, REPORT, batch=4)
    assert await surveyed(turning) == {NEITHER: 10, K2: 1}, "sealed anew, so they are due"
    assert await holding(turning, "井盖") == made, "and found meanwhile"
    assert await holding(after, "井盖") == made[10:], "the judge must see an old key that went too early"
    done = await service.turn_derived(turning, GRAMS, batch=4)
    assert (done.remade, done.failed, await surveyed(turning)) == (10, [], {K2: 11})
    assert await holding(after, "井盖") == made and await holding(before, "井盖") == []
    assert (await service.turn_derived(turning, GRAMS, batch=4)).remade == 0


async def test_what_cannot_be_opened_is_told(opening: Opening) -> None:
    (lost,) = await filed(opening("k3"), "井盖松动")
    (kept,) = await filed(opening("k1"), "井盖丢失")
    turning = opening("k2", "k1")
    done = await service.turn_derived(turning, GRAMS, batch=4)
    assert (done.remade, done.failed) == (1, [(lost,)])
    assert await surveyed(turning) == {Under("k2", "aes-256-gcm"): 1, NEITHER: 1} and await holding(turning, "井盖") == [kept]


async def rewords(database: Database, report_id: UUID, text: str) -> None:
    """As a release before the search does it."""
    async with database.transaction() as session:
        report = await session.get(Report, report_id)
        assert report is not None
        texts.seal_description(session, report, text)


async def row_is_waited_for(database: Database) -> None:
    """Who waits for a row waits for a transaction, which belongs to no database: the process does."""
    waiting = sa.text(
        "select count(*) from pg_locks l join pg_stat_activity a on a.pid = l.pid where not l.granted and a.datname = current_database()"
    )
    async with database.reader() as session:
        for _ in range(LOOKS):
            if (await session.exec(waiting)).scalar_one():
                return
            await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


async def without_a_lock(session: AsyncSession, **asked: Any) -> list[UUID]:
    return list((await session.exec(sa.select(col(ReportGram.report_id)).where(col(ReportGram.made_under).is_(None)))).scalars())


@pytest.mark.parametrize("blind", [False, True], ids=["held", "blind"])
async def test_a_text_that_changes_meanwhile_is_due_again(opening: Opening, blind: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    database, index, changing = opening("k1"), indexing.index, list[asyncio.Task[None]]()
    (made,) = await filed(database, "井盖松动")
    await rewords(database, made, "井盖丢失")

    async def read_then_late(session: AsyncSession, reports: Any) -> list[UUID]:
        changing.append(asyncio.create_task(rewords(database, made, "路灯不亮")))
        await (changing[0] if blind else row_is_waited_for(database))
        return await index(session, reports)

    with monkeypatch.context() as patched:
        patched.setattr(indexing, "index", read_then_late)
        if blind:  # the known-bad variant
            patched.setattr(queries_grams, "due", without_a_lock)
        async with database.transaction() as session:
            await indexing.index_next(session, after=None, limit=9)
    await changing[0]
    async with database.transaction() as session:
        await indexing.index_next(session, after=None, limit=9)
    assert await holding(database, "路灯") == ([] if blind else [made]), "the judge must see a text that is never found"

"""A quarter's list is made once, by the job or by whoever asks for it first, and is not rewritten.

What is clawed back later counts in the quarter in which it is posted; what somebody agrees to later counts in later lists.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db import acting
from app.db.acting import Reason
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import NotFound
from app.publicity import queries
from app.publicity.models import PublicityLine, PublicityList
from app.publicity.workflow import Quarter


async def open_list(session: AsyncSession, *, principal: Principal, quarter: Quarter) -> PublicityList:
    """The list of the caller's tenant, published now if nobody has done it yet. Raises NotFound before the quarter is over."""
    tenant = await queries.tenant_of(session, principal=principal)
    return await published(session, tenant=tenant, quarter=quarter)


async def published(session: AsyncSession, *, tenant: Area, quarter: Quarter) -> PublicityList:
    """Raises NotFound before the quarter is over."""
    if not quarter.settled(await queries.now(session)):
        raise NotFound("该季度尚未公示")
    if (there := await queries.found(session, area_id=tenant.id, quarter=quarter)) is None:
        await publish(session, tenant=tenant, quarter=quarter)
        there = await queries.found(session, area_id=tenant.id, quarter=quarter)
    if there is None:
        raise NotFound("该季度尚未公示")
    return there


async def be_patient(session: AsyncSession) -> None:
    """Adding up a quarter or a year of a large ledger may take longer than a request's statement otherwise may; it is seldom done.
    It adds up the entries of everybody who works in the area."""
    await acting.as_service(session, Reason.FIGURES)
    await session.exec(sa.text("set local statement_timeout = '30s'"))


async def publish(session: AsyncSession, *, tenant: Area, quarter: Quarter) -> bool:
    """Freezes the list of a quarter that is over; False when it is there. Of two at once the second waits for the first."""
    list_id, at = new_id(), await queries.now(session)
    until = await queries.last_day_to_object(session, published_on=clock.local_day(at))
    made = await session.exec(
        insert(PublicityList)
        .values(
            id=list_id, area_id=tenant.id, area_path=tenant.path, year=quarter.year, quarter=quarter.quarter, published_at=at,
            objections_until=until,
        )
        .on_conflict_do_nothing(index_elements=["area_id", "year", "quarter"])
        .returning(col(PublicityList.id))
    )
    if made.first() is None:
        return False
    await be_patient(session)
    oldest = await areas_queries.root(session)
    earners = queries.earners(quarter=quarter, area_path=tenant.path, oldest=oldest is not None and oldest.id == tenant.id)
    rows = earners.add_columns(sa.literal(list_id, sa.Uuid()))
    added = await session.exec(sa.insert(PublicityLine).from_select(["member_id", "points", "events", "list_id"], rows))
    audit_service.record(
        session, "publicity.publish", object_kind="publicity_list", object_id=list_id, area_path=tenant.path, year=quarter.year,
        quarter=quarter.quarter, lines=added.rowcount,
    )
    await session.flush()
    return True

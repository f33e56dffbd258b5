"""Reading employers' months: frozen ones from their rows, others from the ledger. Never ordered by points."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app import clock
from app.auth import queries as auth_queries
from app.auth.models import Account
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.enterprises.models import Enterprise
from app.errors import NotFound
from app.members import queries as members_queries
from app.members.models import Purpose
from app.security import sealing
from app.statements import workflow
from app.statements.models import EnterpriseStatement, EnterpriseStatementLine, EnterpriseStatementName
from app.statements.workflow import Figures, Line, Month

NAMES, NAME = "enterprise_statement_name", "name"
CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
SETTLED_ON = sa.cast(
    sa.func.timezone("Asia/Shanghai", CLOCK - sa.func.make_interval(0, 0, 0, 0, workflow.SETTLED_HOURS)), sa.Date
)
CONSENTING = col(Account.consented).contains([Purpose.EMPLOYER_STATEMENT.value])
# What was earned in the month, but for what was taken back within it; what a rule took away; and what was taken back of what an earlier
# month of this employer has told: it is corrected where it was told, wherever the person works by now. Changes by hand are none of the
# employer's business. Only bookings up to the end of the month count, so the answer for an ended month is the same for ever.
FIGURES = sa.text("""
select member_id, sum(events)::int, sum(points)::int, sum(corrections)::int from (
  select t.member_id, 1 as events, t.amount as points, 0 as corrections
    from points_transaction t
   where t.member_id = any(:worked) and t.kind = 'earn' and t.created_at >= :since and t.created_at < :until
     and not exists (select from points_transaction b where b.reverses_id = t.id and b.amount < 0 and b.created_at < :until)
  union all
  select t.member_id, 0, 0, t.amount
    from points_transaction t
   where t.member_id = any(:worked) and t.kind = 'adjust' and t.rule_code is not null
     and t.created_at >= :since and t.created_at < :until
  union all
  select b.member_id, 0, 0, b.amount
    from points_transaction b join points_transaction t on t.id = b.reverses_id
   where b.kind = 'reverse' and b.amount < 0 and b.created_at >= :since and b.created_at < :until and t.created_at < :since
     and b.member_id in (
       select l.member_id from enterprise_statement s join enterprise_statement_line l on l.statement_id = s.id
        where s.enterprise_id = :enterprise_id and l.worked)
     and exists (
       select from enterprise_statement s join enterprise_statement_line l on l.statement_id = s.id
        where s.enterprise_id = :enterprise_id and l.worked and l.member_id = t.member_id
          and s.month = date_trunc('month', timezone('Asia/Shanghai', t.created_at))::date)
) as booked group by member_id""").bindparams(sa.bindparam("worked", type_=ARRAY(sa.Uuid())))


async def access_enterprise(session: AsyncSession, *, principal: Principal, enterprise_id: UUID) -> Enterprise:
    """The enterprise, for its contact or an area administrator above it. Raises NotFound for anybody else."""
    enterprise = await enterprises_queries.get(session, enterprise_id)
    contact = principal.holds(ScopeType.ENTERPRISE, enterprise_id, Role.ENTERPRISE_CONTACT)
    if not contact and not principal.covers(enterprise.area_path, Role.AREA_ADMIN):
        raise NotFound
    await acting.as_service(session, Reason.FIGURES)
    return enterprise


async def clock_of_database(session: AsyncSession) -> tuple[datetime, date]:
    """Now, and the local day that it was some hours ago (`workflow.SETTLED_HOURS`), by the clock that dates the ledger."""
    row = (await session.exec(sa.select(CLOCK, SETTLED_ON))).one()
    return row[0], row[1]


async def latest(session: AsyncSession, *, enterprise_id: UUID) -> date | None:
    """The last frozen month of an enterprise."""
    found = await session.exec(
        sa.select(sa.func.max(EnterpriseStatement.month)).where(col(EnterpriseStatement.enterprise_id) == enterprise_id)
    )
    month: date | None = found.scalar_one()
    return month


async def behind(session: AsyncSession) -> list[UUID]:
    """The enterprises of which an ended month is not frozen, by id."""
    _, settled_on = await clock_of_database(session)
    statement = (
        sa.select(col(Enterprise.id), col(Enterprise.created_at), sa.func.max(EnterpriseStatement.month))
        .outerjoin(EnterpriseStatement, col(EnterpriseStatement.enterprise_id) == col(Enterprise.id))
        .group_by(col(Enterprise.id))
        .order_by(col(Enterprise.id))
    )
    return [
        one for one, made_at, month in (await session.exec(statement)).all()
        if workflow.missing(made_at=made_at, latest=month, settled_on=settled_on)
    ]


async def statement(session: AsyncSession, *, enterprise_id: UUID, first: date) -> EnterpriseStatement | None:
    """The row of a frozen month."""
    found = await session.exec(
        sa.select(EnterpriseStatement).where(
            col(EnterpriseStatement.enterprise_id) == enterprise_id, col(EnterpriseStatement.month) == first
        )
    )
    row: EnterpriseStatement | None = found.scalars().first()
    return row


async def statements(
    session: AsyncSession, *, enterprise_id: UUID, limit: int, after: UUID | None
) -> Sequence[EnterpriseStatement]:
    """The frozen months of an enterprise, the newest first, one more than `limit`."""
    wanted = sa.select(EnterpriseStatement).where(col(EnterpriseStatement.enterprise_id) == enterprise_id)
    if after is not None:
        last = sa.select(col(EnterpriseStatement.month)).where(col(EnterpriseStatement.id) == after).scalar_subquery()
        wanted = wanted.where(col(EnterpriseStatement.month) < last)
    found = await session.exec(wanted.order_by(col(EnterpriseStatement.month).desc()).limit(limit + 1))
    return found.scalars().all()


async def frozen(session: AsyncSession, row: EnterpriseStatement) -> Month:
    """A frozen month as its lines say."""
    kept = EnterpriseStatementLine
    found = await session.exec(
        sa.select(
            col(kept.member_id), col(kept.worked), col(kept.listed), col(kept.events), col(kept.points), col(kept.corrections)
        )
        .where(col(kept.statement_id) == row.id)
        .order_by(col(kept.member_id))
    )
    lines = tuple(Line(line[0], line[1], line[2], Figures(*line[3:])) for line in found.all())
    return Month(row.enterprise_id, row.enterprise_name, row.month, row.frozen_at, lines)


async def names(session: AsyncSession, *, statement_id: UUID) -> list[tuple[UUID, str]]:
    """(member, name) of a frozen month as it was shown, in its order: of those whose consent is in force today."""
    kept = EnterpriseStatementName
    found = await session.exec(
        sa.select(col(kept.id), col(kept.member_id), col(kept.name_sealed))
        .join(Account, col(Account.id) == col(kept.member_id))
        .where(col(kept.statement_id) == statement_id, CONSENTING)
        .order_by(col(kept.position))
    )
    return [(member_id, sealing.unseal(session, sealed, table=NAMES, column=NAME, row=row)) for row, member_id, sealed in found.all()]


async def running(session: AsyncSession, enterprise: Enterprise, *, first: date) -> Month:
    """A month that nobody has frozen, as it is now."""
    last = min(clock.next_month(first) - timedelta(days=1), clock.today())
    worked = await members_queries.employed_during(session, enterprise_id=enterprise.id, first=first, last=last)
    listed = await auth_queries.consenting(session, purpose=Purpose.EMPLOYER_STATEMENT, among=worked)
    booked = await figures(session, enterprise_id=enterprise.id, first=first, worked=worked)
    return Month(enterprise.id, enterprise.name, first, None, workflow.lines(worked=worked, listed=listed, figures=booked))


async def figures(session: AsyncSession, *, enterprise_id: UUID, first: date, worked: Collection[UUID]) -> dict[UUID, Figures]:
    """Member → what the ledger says of a month. `worked`: who worked there in it. Knows of earlier months what is frozen of them."""
    found = await session.exec(FIGURES, params={
        "enterprise_id": enterprise_id, "worked": list(worked), "since": clock.day_start(first),
        "until": clock.day_start(clock.next_month(first)),
    })
    return {row[0]: Figures(*row[1:]) for row in found.all()}


async def hold_consenting(session: AsyncSession, *, among: Collection[UUID]) -> list[UUID]:
    """Those of these people whose consent is in force, by id; it stays so until the transaction ends: who takes it back waits."""
    found = await session.exec(
        sa.select(col(Account.id))
        .where(col(Account.id).in_(set(among)), CONSENTING)
        .order_by(col(Account.id))
        .with_for_update(read=True)
    )
    return list(found.scalars().all())


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """What employers' frozen months say of a person, and under which name, for the copy of one's data."""
    kept, named = EnterpriseStatementLine, EnterpriseStatementName
    found = await session.exec(
        sa.select(
            col(EnterpriseStatement.enterprise_name), col(EnterpriseStatement.month), col(kept.worked), col(kept.events), col(kept.points),
            col(kept.corrections), col(named.id), col(named.name_sealed),
        )
        .select_from(kept)
        .join(EnterpriseStatement, col(EnterpriseStatement.id) == col(kept.statement_id))
        .outerjoin(named, sa.and_(col(named.statement_id) == col(kept.statement_id), col(named.member_id) == col(kept.member_id)))
        .where(col(kept.member_id) == member_id)
        .order_by(col(EnterpriseStatement.month), col(EnterpriseStatement.id))
    )
    return {
        "statements": [
            {
                "enterprise": enterprise, "month": f"{month:%Y-%m}", "worked": worked, "events": events, "points": points,
                "corrections": corrections,
                "name": sealing.unseal(session, sealed, table=NAMES, column=NAME, row=row) if sealed is not None else None,
            }
            for enterprise, month, worked, events, points, corrections, row, sealed in found.all()
        ]
    }

"""What follows from the generated orders: the stock that they took, the settlements of their months."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.db.session import AsyncSession
from app.demo import people
from app.demo.generating.plan import Plan
from app.demo.generating.sheets import Sheets
from app.redemptions import days, queries_days, queries_settlements, workflow_settlements
from app.redemptions.models import Settlement, SettlementStatus
from app.redemptions.settling import closing as settling_closing
from app.redemptions.workflow import SILENCE_DAYS
from app.rewards.models import RewardStockEntry
from app.stores import queries as stores_queries
from app.workdays import queries as workdays_queries

CLOSED_ON, PAID_ON = 3, 20  # days of the next month, at ten
AT_TEN, SILENCE_AT = time(10), time(0, 7)
# So much was put in as was taken: what is left stays what it was.
TAKEN = sa.text("""
select s.reward_id, s.stock_left + coalesce(o.taken, 0) - coalesce(e.put, 0) as missing, p.area_path
  from reward_stock s join reward w on w.id = s.reward_id and not w.flash
  left join (select reward_id, sum(change) as put from reward_stock_entry group by reward_id) e on e.reward_id = s.reward_id
  left join (select reward_id, sum(quantity) as taken from redemption where status in ('issued', 'verified') group by reward_id) o
    on o.reward_id = s.reward_id
  join (select reward_id, min(area_path) as area_path from reward_store group by reward_id) p on p.reward_id = s.reward_id
 where s.stock_left + coalesce(o.taken, 0) <> coalesce(e.put, 0)
 order by s.reward_id""")
VERIFIED = """
select v.id, v.store_id, r.settlement_cents, date_trunc('month', v.verified_at at time zone 'Asia/Shanghai')::date as month
  from verification v join redemption r on r.verification_id = v.id and r.status = 'verified'"""
MONTHS = sa.text(f"""
select l.store_id, s.area_path, l.month, count(*) as lines, sum(l.settlement_cents) as cents
  from ({VERIFIED}) l join store s on s.id = l.store_id
 where l.month < :before and not exists (select from settlement m where m.store_id = l.store_id and m.month = l.month)
 group by 1, 2, 3 order by 3, 1""").bindparams(sa.bindparam("before", type_=sa.Date))
LINES = sa.text(f"""
insert into settlement_line (verification_id, settlement_id, cents)
select l.id, m.id, l.settlement_cents from ({VERIFIED}) l join settlement m on m.store_id = l.store_id and m.month = l.month
 where m.id = any(:made)""").bindparams(sa.bindparam("made", type_=sa.ARRAY(sa.Uuid)))


@dataclass(frozen=True, slots=True)
class Dates:
    """When a month is closed, until when the owner can object, when silence confirms, when it is paid."""

    closed_at: datetime
    confirm_by: date
    confirmed_at: datetime
    paid_at: datetime


async def close(session: AsyncSession, plan: Plan, *, appid: str, sheets: Sheets) -> list[UUID]:
    """Writes what is missing; again, it finds nothing. Returns the settlements, whose lines `write_lines` adds when they are there."""
    admin, chance = await people.principal(session, appid=appid, person=people.ADMINS[0]), random.Random(plan.seed)
    for one in (await session.exec(TAKEN)).all():
        sheets.write(RewardStockEntry, chance, plan.start, reward_id=one.reward_id, change=one.missing)
        sheets.audit(
            chance, plan.start, admin.account_id, "reward.update", object_kind="reward", object_id=one.reward_id, area_path=one.area_path,
            fields=[], stock_change=int(one.missing), stores=None,
        )
    months = (await session.exec(MONTHS, params={"before": clock.month_start(clock.local_day(plan.until))})).all()
    dates = {month: await _dates(session, month) for month in {one.month for one in months}}
    made = (_settle(sheets, chance, one, dates[one.month], plan.until, admin.account_id) for one in months)
    return [settlement_id for settlement_id in made if settlement_id is not None]


async def write_lines(session: AsyncSession, settlements: Sequence[UUID]) -> None:
    await session.exec(LINES, params={"made": list(settlements)})


async def finish_days(session: AsyncSession) -> None:
    """The heads of all days that are over, as the nightly job makes them: those that it finds are changed by nobody unseen."""
    for store_id in await queries_days.due(session):
        await days.finish(session, store_id=store_id)


async def fix(session: AsyncSession, settlements: Sequence[UUID]) -> None:
    """What a closing fixes beside the lines, now that these and the heads are there. The triggers that refuse it later are off."""
    for settlement_id in settlements:
        settlement = await session.get_one(Settlement, settlement_id)
        store_id, month = settlement.store_id, settlement.month
        lines = await queries_settlements.lines(session, store_id=store_id, month=month, settlement=settlement)
        store = await stores_queries.get(session, store_id)
        head_day, head = await queries_settlements.head(session, store_id=store_id, month=month)
        fixed: dict[str, Any] = {"store_name": store.name, "lines": len(lines), "total_cents": sum(line.cents for line in lines)}
        fixed |= {"head_day": head_day, "head": head} | await settling_closing.terms(session, store_id, month)
        for name, value in fixed.items():
            setattr(settlement, name, value)
        settlement.digest = workflow_settlements.digest(settlement, lines, [])
        await session.flush()


async def _dates(session: AsyncSession, month: date) -> Dates:
    following = clock.next_month(month)
    closed_at = _at(following.replace(day=CLOSED_ON), AT_TEN)
    confirm_by = clock.local_day(await workdays_queries.add_days(session, start=closed_at, days=SILENCE_DAYS))
    confirmed_at = _at(confirm_by + timedelta(days=1), SILENCE_AT)
    return Dates(closed_at, confirm_by, confirmed_at, max(_at(following.replace(day=PAID_ON), AT_TEN), confirmed_at + timedelta(days=1)))


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, clock.SHANGHAI).astimezone(UTC)


def _settle(sheets: Sheets, chance: random.Random, one: Any, dates: Dates, until: datetime, admin: UUID) -> UUID | None:
    """One store's month as far as it has come: closed, confirmed by silence, paid."""
    if dates.closed_at > until:
        return None
    confirmed, paid = dates.confirmed_at <= until, dates.paid_at <= until
    made = sheets.write(
        Settlement, chance, dates.closed_at, store_id=one.store_id, month=one.month, closed_at=dates.closed_at, confirm_by=dates.confirm_by,
        confirmed_at=dates.confirmed_at if confirmed else None, confirmed_by_silence=confirmed, paid_at=dates.paid_at if paid else None,
        payment_reference=f"{one.month:%Y%m}-{chance.randrange(10**8):08d}" if paid else None, version=1 + confirmed + paid,
        status=SettlementStatus.PAID if paid else SettlementStatus.CONFIRMED if confirmed else SettlementStatus.CLOSED,
    )
    named: dict[str, Any] = {"object_kind": "settlement", "object_id": made, "area_path": one.area_path}
    named |= {"store_id": str(one.store_id), "month": f"{one.month:%Y-%m}"}
    sheets.audit(chance, dates.closed_at, admin, "settlement.close", lines=one.lines, cents=int(one.cents), **named)
    if confirmed:
        sheets.audit(chance, dates.confirmed_at, None, "settlement.confirm", silence=True, **named)
    if paid:
        sheets.audit(chance, dates.paid_at, admin, "settlement.pay", **named)
    return made

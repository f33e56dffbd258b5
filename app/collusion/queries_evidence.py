"""What the lens looks at, read once a store and once a tenant: no row of it is written, and none is looked up one by one."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app import clock
from app.auth import queries_grants
from app.auth.models import AccessGrant, AuthSession
from app.auth.roles import ScopeType
from app.collusion.facts import CLOSED, AtStore, Pair, Threshold, Thresholds, Use
from app.collusion.models import CollusionThreshold
from app.db.session import AsyncSession
from app.redemptions.models import Verification
from app.stores import queries as stores_queries
from app.stores import workflow_hours
from app.stores.models import Store
from app.stores.workflow_hours import Special

MOST_USES = 20_000  # of one store; where there are more, the newest say enough, and each reason says of which days it tells
SLACK = timedelta(hours=1)  # ids are drawn before their rows are written, by clocks of other processes

# A store's verifications with their orders, newest first. Whoever is erased is not looked at: their ids lead to nobody any more.
USES = sa.text("""
select v.clerk_id, r.member_id, r.id, extract(epoch from v.verified_at - r.created_at)::float8, v.verified_at, v.typed,
       u.verification_id is not null
  from verification v
  join redemption r on r.id = v.redemption_id
  join account c on c.id = v.clerk_id and c.status <> 'erased'
  join account m on m.id = r.member_id and m.status <> 'erased'
  left join verification_undo u on u.verification_id = v.id
 where v.store_id = :store_id and v.verified_at >= :since
 order by v.verified_at desc, v.id desc
 limit :most
""").bindparams(sa.bindparam("store_id", type_=sa.Uuid), sa.bindparam("since", type_=sa.DateTime(timezone=True)))

# Refused scans of used or old tickets. Ids are made of time, so the index on (actor_id, id) gives the last days of each clerk.
REFUSED = sa.text("""
select e.actor_id, r.member_id, count(*)
  from audit_event e
  join redemption r on r.id = e.object_id
 where e.actor_id = any(:clerks) and e.id >= :first and e.action = 'redemption.ticket' and e.outcome = 'denied'
   and e.object_kind = 'redemption' and e.facts ->> 'store_id' = :store
 group by 1, 2
""").bindparams(
    sa.bindparam("clerks", type_=ARRAY(sa.Uuid)), sa.bindparam("first", type_=sa.Uuid), sa.bindparam("store", type_=sa.Text)
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One store as it was read. `at` makes the facts of it, which takes a moment and no database."""

    store: Store
    rows: Sequence[Any]
    special: Sequence[Special]
    origins: Mapping[UUID, frozenset[bytes]]
    staff: frozenset[UUID]
    refused: Mapping[Pair, int]

    def at(self) -> AtStore:
        return AtStore([self._use(row) for row in self.rows], self.origins, self.staff, self.refused)

    @property
    def days(self) -> tuple[date, date]:
        """From the oldest to the newest verification that was read."""
        return clock.local_day(self.rows[-1][4]), clock.local_day(self.rows[0][4])

    def _use(self, row: Any) -> Use:
        clerk_id, member_id, order_id, seconds, verified_at, typed, undone = row
        local = clock.local(verified_at)
        state = workflow_hours.opening(
            hours=self.store.hours, special=self.special, paused=False, paused_until=None, now=verified_at
        )
        hour = local.hour + (0 if state.open else CLOSED)
        return Use(clerk_id, member_id, order_id, seconds, local.toordinal() * 2 + local.hour // 12, hour, typed, undone)


async def thresholds(session: AsyncSession) -> Thresholds:
    found = await session.exec(sa.select(CollusionThreshold).where(col(CollusionThreshold.active)))
    return {
        row.code: Threshold(row.min_support, row.bound, row.least, row.seconds, row.rare, row.weight) for row in found.scalars().all()
    }


async def stores(session: AsyncSession, *, since: datetime) -> Sequence[Store]:
    """Those at which something was verified since an instant."""
    used = sa.exists().where(col(Verification.store_id) == col(Store.id), col(Verification.verified_at) >= since)
    found = await session.exec(sa.select(Store).where(used).order_by(col(Store.id)))
    return found.scalars().all()


async def of_store(session: AsyncSession, store: Store, *, since: datetime) -> Evidence | None:
    """None where nobody who is still here verified anything."""
    connection = await session.connection()
    rows = (await connection.execute(USES, {"store_id": store.id, "since": since, "most": MOST_USES})).all()
    if not rows:
        return None
    clerks, members = {row[0] for row in rows}, {row[1] for row in rows}
    first = clock.local_day(since)
    days = (await stores_queries.special_days(session, [store.id], first=first - timedelta(days=1)))[store.id]
    special = [Special(day.starts_on, day.ends_on, day.opens, day.closes) for day in days]
    refused = await connection.execute(REFUSED, {"clerks": sorted(clerks), "first": id_at(since - SLACK), "store": str(store.id)})
    return Evidence(
        store, rows, special, await _origins(session, clerks | members),
        await _staff(session, members),
        {(clerk, member): count for clerk, member, count in refused.all()},
    )


def id_at(instant: datetime) -> UUID:
    """The least UUIDv7 of a moment."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


async def _staff(session: AsyncSession, people: Collection[UUID]) -> frozenset[UUID]:
    """Who of them works at a store."""
    found = await session.exec(
        sa.select(col(AccessGrant.account_id))
        .distinct()
        .where(
            col(AccessGrant.account_id).in_(people), col(AccessGrant.scope_type) == ScopeType.STORE, *queries_grants.IN_FORCE
        )
    )
    return frozenset(found.scalars().all())


async def _origins(session: AsyncSession, people: Collection[UUID]) -> dict[UUID, frozenset[bytes]]:
    """The keyed fingerprints of address and device that each has signed in from. Nothing is written down for this: they were there."""
    found = await session.exec(
        sa.select(col(AuthSession.account_id), col(AuthSession.origin))
        .distinct()
        .where(col(AuthSession.account_id).in_(people), col(AuthSession.origin).is_not(None))
    )
    held: dict[UUID, set[bytes]] = defaultdict(set)
    for account_id, origin in found.all():
        held[account_id].add(origin)
    return {account_id: frozenset(origins) for account_id, origins in held.items()}

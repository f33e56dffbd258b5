"""Every SELECT of orders and verifications."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app import clock
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db import acting
from app.db.acting import Reason
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import InvalidTransition, NotFound, ValidationFailed
from app.points import queries_freezes, queries_held
from app.redemptions import queries_corrections, tickets, workflow
from app.redemptions.errors import RedemptionExpired
from app.redemptions.models import Redemption, RedemptionText, Status, Verification, VerificationGuess, VerificationUndo
from app.redemptions.workflow import AtStore
from app.security import sealing

CLOCK = sa.func.clock_timestamp()
STAFF = (Role.STORE_OWNER, Role.STORE_CLERK)

TOLD = tuple(one.name for one in fields(AtStore) if one.name != "held")
# All that the till needs to know in one round trip, a row for each lot of the hold. A code of another store and an unknown one take the
# same path to the same rows.
AT_STORE = """
select clock_timestamp() as now,
       (select extract(epoch from clock_timestamp() - g.created_at)::float8 from verification_guess g
         where g.store_id = s.id and g.created_at > clock_timestamp() - make_interval(secs => {window})
         order by g.created_at desc offset {guesses} - 1 limit 1) as tenth_guess_age,
       (select extract(epoch from clock_timestamp() - g.created_at)::float8 from verification_guess g
         where g.actor_id = :clerk_id and g.created_at > clock_timestamp() - make_interval(secs => {window})
         order by g.created_at desc offset {clerk_guesses} - 1 limit 1) as thirtieth_guess_age,
       s.id as store_id, s.name as store_name, s.area_path, s.confirm_above_points as ceiling,
       o.id, o.number, o.member_id, o.reward_id, o.reward_name, o.quantity, o.points, o.status, o.expires_at, o.confirmed_at,
       o.uses, o.per_store_per_day, v.store_id as used_at, v.clerk_id as used_by, v.verified_at, {frozen} as frozen, {columns}
  from store s
  left join (select r.*, w.per_store_per_day from redemption r
               join reward_store p on p.reward_id = r.reward_id and p.store_id = :store_id
               join reward w on w.id = r.reward_id
              where r.{found}) o on true
  left join verification v on v.id = o.verification_id
  left join {held} on o.status = '{live}'
 where s.id = :store_id
 order by {order}
"""
FROZEN = sa.or_(
    queries_freezes.over_area(sa.literal_column("s.area_path")), queries_freezes.over_member(sa.literal_column("o.member_id"))
)
PARTS = {
    "window": workflow.GUESS_WINDOW_S, "guesses": workflow.GUESSES, "clerk_guesses": workflow.CLERK_GUESSES,
    "frozen": queries_freezes.as_text(FROZEN), "live": Status.ISSUED, "held": queries_held.of_order("o.id"),
    "columns": queries_held.COLUMNS, "order": queries_held.ORDER,
}
WHERE_AND_WHO = [sa.bindparam(name, type_=sa.Uuid) for name in ("store_id", "clerk_id")]


def _at_store(found: str, presented: sa.types.TypeEngine[Any]) -> Prepared:
    asked = sa.text(AT_STORE.format(found=found, **PARTS)).bindparams(*WHERE_AND_WHO, sa.bindparam("presented", type_=presented))
    return Prepared(asked)


BY_CODE, BY_ID = _at_store("code_index = any(:presented)", ARRAY(sa.LargeBinary)), _at_store("id = :presented", sa.Uuid())


async def at_store(
    session: AsyncSession, *, store_id: UUID, clerk_id: UUID, code_indexes: list[bytes] | None = None, redemption_id: UUID | None = None
) -> AtStore:
    """The store, and the order of this code (or this id), as they are now; with neither, the store alone. Raises NotFound.

    A code is given by its indexes under every key. Whoever shows one shows the order: that it is for another store is told to this one.
    """
    await acting.as_service(session, Reason.TILL)
    statement, presented = (BY_ID, redemption_id) if code_indexes is None else (BY_CODE, code_indexes)
    rows = await statement.all(session, store_id=store_id, clerk_id=clerk_id, presented=presented)
    if not rows:
        raise NotFound
    return AtStore(**{name: rows[0][name] for name in TOLD}, held=queries_held.read(rows))


async def guess_ages(session: AsyncSession, *, store_id: UUID, clerk_id: UUID) -> tuple[float | None, float | None]:
    """Seconds since the tenth last wrong code at a store, since the thirtieth last of a clerk; None when the last ten minutes had fewer."""
    age = sa.cast(sa.func.extract("epoch", CLOCK - col(VerificationGuess.created_at)), sa.Float)
    young = col(VerificationGuess.created_at) > CLOCK - sa.func.make_interval(0, 0, 0, 0, 0, 0, workflow.GUESS_WINDOW_S)
    nth = (
        sa.select(age).where(of, young).order_by(col(VerificationGuess.created_at).desc()).offset(most - 1).limit(1).scalar_subquery()
        for of, most in (
            (col(VerificationGuess.store_id) == store_id, workflow.GUESSES),
            (col(VerificationGuess.actor_id) == clerk_id, workflow.CLERK_GUESSES),
        )
    )
    tenth, thirtieth = (await session.exec(sa.select(*nth))).one()
    return tenth, thirtieth


def access_till(principal: Principal, store_id: UUID) -> None:
    """Lets the store's own staff pass. Raises NotFound for everybody else."""
    if not principal.holds(ScopeType.STORE, store_id, *STAFF):
        raise NotFound


async def now(session: AsyncSession) -> datetime:
    """The instant by the database's clock."""
    found = await session.exec(sa.select(CLOCK))
    instant: datetime = found.scalar_one()
    return instant


async def access_own(session: AsyncSession, *, principal: Principal, redemption_id: UUID, lock: bool = False) -> Redemption:
    """One's own order, locked for a change if asked. Raises NotFound."""
    statement = sa.select(Redemption).where(col(Redemption.id) == redemption_id, col(Redemption.member_id) == principal.account_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = await session.exec(statement)
    redemption: Redemption | None = found.scalars().first()
    if redemption is None:
        raise NotFound
    return redemption


async def lock(session: AsyncSession, redemption_id: UUID) -> Redemption:
    """The row, locked and fresh. Raises NotFound."""
    found = await session.exec(
        sa.select(Redemption).where(col(Redemption.id) == redemption_id).with_for_update().execution_options(populate_existing=True)
    )
    redemption: Redemption | None = found.scalars().first()
    if redemption is None:
        raise NotFound
    return redemption


async def ticket(session: AsyncSession, *, principal: Principal, redemption_id: UUID) -> tuple[str, datetime]:
    """The token that the order's QR shows now, and until when. Raises NotFound, InvalidTransition, RedemptionExpired."""
    found = await session.exec(
        sa.select(Redemption, CLOCK).where(col(Redemption.id) == redemption_id, col(Redemption.member_id) == principal.account_id)
    )
    row = found.first()
    if row is None:
        raise NotFound
    redemption, instant = row
    if redemption.status is not Status.ISSUED:
        raise InvalidTransition(state=redemption.status, allowed=[])
    if redemption.expires_at <= instant:
        raise RedemptionExpired(expires_at=redemption.expires_at)
    return tickets.ticket(sealing.ring(session), redemption_id=redemption.id, uses=redemption.uses, now=instant)


async def own(
    session: AsyncSession, *, principal: Principal, status: Status | None, limit: int, after: UUID | None
) -> Sequence[Redemption]:
    """One's own orders, newest first, one more than `limit`."""
    statement = sa.select(Redemption).where(col(Redemption.member_id) == principal.account_id)
    if status is not None:
        statement = statement.where(col(Redemption.status) == status)
    if after is not None:
        statement = statement.where(col(Redemption.id) < after)
    found = await session.exec(statement.order_by(col(Redemption.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def uses(session: AsyncSession, verification_ids: Collection[UUID]) -> dict[UUID, Verification]:
    if not verification_ids:
        return {}
    found = await session.exec(sa.select(Verification).where(col(Verification.id).in_(set(verification_ids))))
    return {row.id: row for row in found.scalars().all()}


async def verifications_counted(session: AsyncSession, *, store_id: UUID, reward_id: UUID, since: datetime) -> int:
    """The store's verifications of a reward since an instant that were not undone."""
    found = await session.exec(
        sa.select(sa.func.count()).where(
            col(Verification.store_id) == store_id, col(Verification.verified_at) >= since, col(Verification.reward_id) == reward_id,
            not_undone(),
        )
    )
    return int(found.scalar_one())


async def last_use_at(session: AsyncSession, *, redemption_id: UUID, store_ids: Collection[UUID]) -> Any:
    """The newest verification of an order at one of these stores, when it was undone (None: not), and the database's clock; or None."""
    found = await session.exec(
        sa.select(Verification, col(VerificationUndo.undone_at), CLOCK)
        .outerjoin(VerificationUndo, col(VerificationUndo.verification_id) == col(Verification.id))
        .where(col(Verification.redemption_id) == redemption_id, col(Verification.store_id).in_(set(store_ids)))
        .order_by(col(Verification.id).desc())
        .limit(1)
    )
    return found.first()


async def verifications(
    session: AsyncSession, *, store_id: UUID, first: date | None, last: date | None, key: str | None, limit: int, after: UUID | None
) -> Sequence[Any]:
    """The store's verifications with their orders and undos, newest first, one more than `limit`.

    `first` and `last` are local days, both included; `key` is the Idempotency-Key or request id of the verify call.
    """
    statement = (
        sa.select(Verification, Redemption, col(VerificationUndo.undone_at), CLOCK)
        .join(Redemption, col(Redemption.id) == col(Verification.redemption_id))
        .outerjoin(VerificationUndo, col(VerificationUndo.verification_id) == col(Verification.id))
        .where(col(Verification.store_id) == store_id)
    )
    if first is not None:
        statement = statement.where(col(Verification.verified_at) >= clock.days(first, first)[0])
    if last is not None:
        statement = statement.where(col(Verification.verified_at) < clock.days(last, last)[1])
    if key is not None:
        kept = [key, *kept_forms(session, key)]  # the key itself: rows of the first release hold it
        statement = statement.where(sa.or_(col(Verification.idempotency_key).in_(kept), col(Verification.request_id).in_(kept)))
    if after is not None:
        statement = statement.where(col(Verification.id) < after)
    found = await session.exec(statement.order_by(col(Verification.id).desc()).limit(limit + 1))
    return found.all()


async def of_number(session: AsyncSession, *, store_id: UUID, number: str) -> Sequence[Any]:
    """The verifications of an order at a store, as `verifications` gives them."""
    found = await session.exec(
        sa.select(Verification, Redemption, col(VerificationUndo.undone_at), CLOCK)
        .join(Redemption, col(Redemption.id) == col(Verification.redemption_id))
        .outerjoin(VerificationUndo, col(VerificationUndo.verification_id) == col(Verification.id))
        .where(col(Redemption.number) == number, col(Verification.store_id) == store_id)
        .order_by(col(Verification.id).desc())
    )
    return found.all()


def kept_forms(session: AsyncSession, given: str) -> list[str]:
    """The fingerprints under which what a client chose (a key, a request id) may stand in the history, the present one first.

    The history outlives the clerk's account, and a client may put anything into such a word: it is found by a fingerprint only.
    """
    return [found.hex() for found in sealing.blind_indexes(session, given, purpose="verification-key")]


def require_span(first: date | None, last: date | None) -> None:
    """Raises ValidationFailed when `from` lies after `to`."""
    if first is not None and last is not None and first > last:
        raise ValidationFailed.of("query", "from", msg="开始日期应不晚于结束日期", kind="span")


def not_undone() -> sa.ColumnElement[bool]:
    return sa.not_(sa.exists().where(col(VerificationUndo.verification_id) == col(Verification.id)))


async def due(session: AsyncSession, *, limit: int) -> Sequence[UUID]:
    """Orders whose time is over and that nobody has ended yet, longest over first."""
    found = await session.exec(
        sa.select(col(Redemption.id))
        .where(col(Redemption.status) == Status.ISSUED, col(Redemption.expires_at) <= CLOCK)
        .order_by(col(Redemption.expires_at))
        .limit(limit)
    )
    return found.scalars().all()


async def live(session: AsyncSession, *, member_id: UUID) -> Sequence[UUID]:
    """The member's orders that can still be used, by id."""
    found = await session.exec(
        sa.select(col(Redemption.id))
        .where(col(Redemption.member_id) == member_id, col(Redemption.status) == Status.ISSUED)
        .order_by(col(Redemption.id))
    )
    return found.scalars().all()


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """A copy of the person's orders, of what was written about them, and of what the person verified as a clerk. No codes."""
    orders = await session.exec(sa.select(Redemption).where(col(Redemption.member_id) == member_id).order_by(col(Redemption.id)))
    texts = await session.exec(
        sa.select(RedemptionText)
        .where(sa.or_(col(RedemptionText.member_id) == member_id, col(RedemptionText.author_id) == member_id))
        .order_by(col(RedemptionText.id))
    )
    acts = await session.exec(sa.select(Verification).where(col(Verification.clerk_id) == member_id).order_by(col(Verification.id)))
    return {
        "redemptions": [
            {
                "id": str(row.id), "number": row.number, "reward": row.reward_name, "quantity": row.quantity, "points": row.points,
                "status": row.status.value, "placed_at": row.created_at.isoformat(), "expires_at": row.expires_at.isoformat(),
            }
            for row in orders.scalars().all()
        ],
        "redemption_texts": [{"text": row.text, "at": row.created_at.isoformat()} for row in texts.scalars().all()],
        "verifications": [
            {"id": str(row.id), "store_id": str(row.store_id), "at": row.verified_at.isoformat()} for row in acts.scalars().all()
        ],
        "settlement_corrections": await queries_corrections.export(session, member_id=member_id),
    }

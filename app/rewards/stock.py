"""The stock of rewards: in all, of a day, and piece by piece.

Lock order: the day's row, then the row of the whole; both are hot, so an order takes from them last of all. Of a flash reward every order
locks pieces of its own instead, and nobody waits for anybody until the last of them go.
"""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import Conflict, ValidationFailed
from app.rewards import queries
from app.rewards.errors import OutOfStock
from app.rewards.models import Reward, RewardNote, RewardStock, RewardStockEntry
from app.rewards.workflow import MOST_SLOTS, Terms

MOST_LEFT = 1_000_000_000
PARAMETERS = {"reward_id": sa.Uuid, "redemption_id": sa.Uuid, "day": sa.Date, "quantity": sa.Integer, "per_day": sa.Integer}


def _text(sql: str) -> sa.TextClause:
    return sa.text(sql).bindparams(*(sa.bindparam(name, type_=kind) for name, kind in PARAMETERS.items() if f":{name}" in sql))


OF_DAY = """
insert into reward_stock_day as d (reward_id, day, sold) select :reward_id, :day, :quantity where :quantity <= :per_day
on conflict (reward_id, day) do update set sold = d.sold + excluded.sold where d.sold + excluded.sold <= :per_day
returning reward_id"""
TAKE_OF_DAY = Prepared(_text(OF_DAY))
TAKE_OF_ALL = Prepared(_text("""
update reward_stock set stock_left = stock_left - :quantity where reward_id = :reward_id and stock_left >= :quantity returning 1"""))
TAKE_OF_BOTH = Prepared(_text(f"""
with day as ({OF_DAY})
update reward_stock s set stock_left = s.stock_left - :quantity from day
 where s.reward_id = day.reward_id and s.stock_left >= :quantity returning 1"""))
GIVE_TO_ALL = _text("update reward_stock set stock_left = stock_left + :quantity where reward_id = :reward_id")
GIVE_TO_BOTH = _text("""
with day as (
  update reward_stock_day set sold = sold - :quantity where reward_id = :reward_id and day = :day returning reward_id)
update reward_stock s set stock_left = s.stock_left + :quantity from day where s.reward_id = day.reward_id""")
# Free pieces in the order of their numbers. `skip locked` leaves out those that somebody else has in hand.
SLOTS = """
with free as (
  select slot from reward_slot where reward_id = :reward_id and redemption_id is null order by slot limit :quantity for update {skip})
update reward_slot s set redemption_id = :redemption_id from free where s.reward_id = :reward_id and s.slot = free.slot"""
TAKE_SLOTS, AWAIT_SLOTS = _text(SLOTS.format(skip="skip locked")), _text(SLOTS.format(skip=""))
# In the order of their numbers too: who waits for a piece holds none with a higher number.
GIVE_SLOTS = _text("""
with mine as (select reward_id, slot from reward_slot where redemption_id = :redemption_id order by reward_id, slot for update)
update reward_slot s set redemption_id = null from mine where s.reward_id = mine.reward_id and s.slot = mine.slot""")
MAKE_SLOTS = _text("""
insert into reward_slot (reward_id, slot)
select :reward_id, n + coalesce((select max(slot) from reward_slot where reward_id = :reward_id), 0) from generate_series(1, :quantity) n
""")
DROP_SLOTS = _text("""
with spare as (
  select slot from reward_slot where reward_id = :reward_id and redemption_id is null order by slot desc limit :quantity
  for update skip locked)
delete from reward_slot s using spare where s.reward_id = :reward_id and s.slot = spare.slot""")


async def take(
    session: AsyncSession, *, reward: Terms, counted: bool, redemption_id: UUID, quantity: int, day: date | None
) -> None:
    """Takes what an order needs: of the whole where it is `counted`, of a day's stock where there is a `day`, or pieces.

    The rows stay locked, so call it last. Raises OutOfStock.
    """
    order: dict[str, Any] = {"reward_id": reward.id, "quantity": quantity}
    if reward.flash:
        enough = await _take_slots(session, order | {"redemption_id": redemption_id})
    elif day is not None:
        of_day = TAKE_OF_BOTH if counted else TAKE_OF_DAY
        enough = bool(await of_day.all(session, **order, day=day, per_day=reward.stock_per_day))
    else:
        enough = not counted or bool(await TAKE_OF_ALL.all(session, **order))
    if not enough:
        left = (await queries.stocks(session, [reward.id]))[reward.id]
        raise OutOfStock(**(left.lacks(quantity) or {"stock_left": left.left}))


async def give_back(
    session: AsyncSession, *, reward_id: UUID, flash: bool, redemption_id: UUID, quantity: int, day: date | None
) -> None:
    """Gives back what an order had taken, to the day of the order; where there is no row of a stock, nothing happens to it."""
    order = {"reward_id": reward_id, "quantity": quantity}
    if flash:
        await _run(session, GIVE_SLOTS, {"redemption_id": redemption_id})
    elif day is not None:
        await _run(session, GIVE_TO_BOTH, order | {"day": day})
    else:
        await _run(session, GIVE_TO_ALL, order)


async def begin(session: AsyncSession, *, principal: Principal, reward: Reward, stock: int) -> None:
    """The first stock of a new reward."""
    session.add(RewardStock(reward_id=reward.id, stock_left=0 if reward.flash else stock))
    session.add(RewardStockEntry(reward_id=reward.id, change=stock, actor_id=principal.account_id))
    await session.flush()
    if reward.flash:
        await _run(session, MAKE_SLOTS, {"reward_id": reward.id, "quantity": stock})


async def change(session: AsyncSession, *, principal: Principal, reward: Reward, change: int, reason: str | None) -> None:
    """An administrator puts in or takes out; the caller holds the reward's row.

    Raises OutOfStock when more is taken out than is left, Conflict for an unlimited reward, ValidationFailed for too many pieces at once.
    """
    if not await (_change_slots if reward.flash else _change_figure)(session, reward, change):
        left = (await queries.stocks(session, [reward.id]))[reward.id].left
        raise Conflict("该商品不限量，没有库存可调整") if left is None else OutOfStock(stock_left=left)
    note = None
    if reason is not None:
        note = RewardNote(author_id=principal.account_id, text=reason)
        session.add(note)
        await session.flush()
    session.add(
        RewardStockEntry(reward_id=reward.id, change=change, note_id=note.id if note else None, actor_id=principal.account_id)
    )


async def _take_slots(session: AsyncSession, order: dict[str, Any]) -> bool:
    """Takes free pieces, first those that nobody has in hand. What others have in hand may come back: for that it waits, holding none.

    So nobody is refused while a piece may still be free, and those who wait, each in the order of the numbers, never wait in a circle.
    What is given back only while somebody waits is for the next order.
    """
    if order["quantity"] == 1:
        taken = await _run(session, TAKE_SLOTS, order)
    else:
        async with session.begin_nested() as attempt:
            taken = await _run(session, TAKE_SLOTS, order)
            if taken < order["quantity"]:
                await attempt.rollback()
    if taken < order["quantity"]:
        taken = await _run(session, AWAIT_SLOTS, order)
    return bool(taken == order["quantity"])


async def _change_figure(session: AsyncSession, reward: Reward, change: int) -> bool:
    changed = await session.exec(
        sa.update(RewardStock)
        .where(col(RewardStock.reward_id) == reward.id, sa.between(col(RewardStock.stock_left) + change, 0, MOST_LEFT))
        .values(stock_left=RewardStock.stock_left + change)
    )
    return changed.rowcount == 1


async def _change_slots(session: AsyncSession, reward: Reward, change: int) -> bool:
    """Pieces that an order has in hand just now are not taken out."""
    if abs(change) > MOST_SLOTS:
        raise ValidationFailed.of("body", "stock_change", msg=f"限时抢购商品一次至多调整 {MOST_SLOTS} 件", kind="stock_change")
    statement = MAKE_SLOTS if change > 0 else DROP_SLOTS
    return await _run(session, statement, {"reward_id": reward.id, "quantity": abs(change)}) == abs(change)


async def _run(session: AsyncSession, statement: sa.TextClause, values: dict[str, Any]) -> int:
    """Returns how many rows it touched."""
    connection = await session.connection()
    return (await connection.execute(statement, values)).rowcount

"""Every SELECT of the contracts with stores. Who may ask is decided by `queries.access_run`; the account leaves by `payee` only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.errors import NotFound
from app.security import sealing
from app.stores.models import Store
from app.stores.models_applications import StoreText
from app.stores.models_contracts import StoreContract, StoreContractReminder

LAST_DAY = sa.func.coalesce(col(StoreContract.ended_on), col(StoreContract.ends_on))


@dataclass(frozen=True, slots=True)
class Payee:
    """To whom a store's months are paid."""

    payee_name: str
    bank_name: str
    bank_account: str


def covering(day: Any) -> sa.ColumnElement[bool]:
    """Is a contract in force on this local day?"""
    return sa.and_(col(StoreContract.starts_on) <= day, day <= LAST_DAY)


def not_over(day: Any) -> sa.ColumnElement[bool]:
    """The condition on a store (of an outer statement): it has a contract in force on this day, or never had one at all."""
    some = sa.select(sa.func.bool_or(covering(day))).where(col(StoreContract.store_id) == col(Store.id)).scalar_subquery()
    return sa.func.coalesce(some, True)


async def in_force(session: AsyncSession, *, store_id: UUID, day: date) -> StoreContract | None:
    """The store's contract on a local day; they never overlap."""
    found = await session.exec(sa.select(StoreContract).where(col(StoreContract.store_id) == store_id, covering(day)))
    contract: StoreContract | None = found.scalars().first()
    return contract


async def within(session: AsyncSession, *, store_id: UUID, first: date, last: date) -> StoreContract | None:
    """The latest contract that was in force on any of these local days."""
    found = await session.exec(
        sa.select(StoreContract)
        .where(col(StoreContract.store_id) == store_id, col(StoreContract.starts_on) <= last, first <= LAST_DAY)
        .order_by(col(StoreContract.starts_on).desc())
        .limit(1)
    )
    contract: StoreContract | None = found.scalars().first()
    return contract


async def payee(session: AsyncSession, contract: StoreContract) -> Payee:
    """With the whole account: for the settlement file of administrators, nothing else."""
    account = sealing.unseal(
        session, contract.bank_account_sealed, table="store_contract", column="bank_account", row=contract.id
    )
    return Payee(contract.payee_name, contract.bank_name, account)


async def lock(session: AsyncSession, *, store_id: UUID, contract_id: UUID) -> StoreContract:
    """One of this store's, locked and fresh. Raises NotFound."""
    found = await session.exec(
        sa.select(StoreContract)
        .where(col(StoreContract.id) == contract_id, col(StoreContract.store_id) == store_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    contract: StoreContract | None = found.scalars().first()
    if contract is None:
        raise NotFound
    return contract


async def contracts(session: AsyncSession, *, store_id: UUID, limit: int, after: UUID | None) -> Sequence[StoreContract]:
    """Newest first, one more than `limit`."""
    statement = sa.select(StoreContract).where(col(StoreContract.store_id) == store_id)
    if after is not None:
        statement = statement.where(col(StoreContract.id) < after)
    found = await session.exec(statement.order_by(col(StoreContract.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def sentences(session: AsyncSession, contracts: Sequence[StoreContract]) -> dict[UUID | None, str | None]:
    """What was written about them, by its id; emptied by an erasure of who wrote it."""
    ids = {text_id for contract in contracts for text_id in (contract.note_id, contract.end_reason_id) if text_id}
    if not ids:
        return {}
    found = await session.exec(sa.select(col(StoreText.id), col(StoreText.text)).where(col(StoreText.id).in_(ids)))
    return {row[0]: row[1] for row in found.all()}


async def ending(session: AsyncSession, *, first: date, last: date, limit: int) -> Sequence[UUID]:
    """Contracts whose last day lies between these and that nobody was told of. Those that were ended early were told of then."""
    told = sa.exists().where(col(StoreContractReminder.contract_id) == col(StoreContract.id))
    found = await session.exec(
        sa.select(col(StoreContract.id))
        .where(col(StoreContract.ended_on).is_(None), sa.between(col(StoreContract.ends_on), first, last), sa.not_(told))
        .order_by(col(StoreContract.ends_on), col(StoreContract.id))
        .limit(limit)
    )
    ids: Sequence[UUID] = found.scalars().all()
    return ids


async def followed(session: AsyncSession, contract: StoreContract) -> bool:
    """Does another contract of the store begin later?"""
    found = await session.exec(
        sa.select(sa.literal(1)).where(
            col(StoreContract.store_id) == contract.store_id, col(StoreContract.starts_on) > contract.ends_on,
            col(StoreContract.starts_on) <= LAST_DAY,
        )
    )
    return found.first() is not None

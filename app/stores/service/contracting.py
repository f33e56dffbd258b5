"""Every change of the contracts with stores. All of a store's stand under its lock: the store, then the contract."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Conflict, InvalidTransition, ValidationFailed, expect_version
from app.messages import service as messages_service
from app.security import sealing
from app.stores import queries, queries_contracts, workflow_contracts
from app.stores.models_applications import StoreText
from app.stores.models_contracts import StoreContract, StoreContractReminder

PAGE = "pages/stores/contracts?id={id}"


async def sign(
    session: AsyncSession, *, principal: Principal, store_id: UUID, bank_account: str, note: str | None, fields: Mapping[str, Any]
) -> StoreContract:
    """Notes down a contract. Raises NotFound, Forbidden, Conflict when another of the store covers one of its days, AlreadyExists for a
    number that the tenant has used.
    """
    store = await queries.access_contracted(session, principal=principal, store_id=store_id)
    if await queries_contracts.within(session, store_id=store_id, first=fields["starts_on"], last=fields["ends_on"]) is not None:
        raise Conflict("该商家在这段时间内已有合同")
    row = new_id()
    contract = StoreContract(
        id=row, store_id=store_id, tenant_id=(await areas_queries.root_of(session, path=store.area_path)).id, made_by=principal.account_id,
        bank_account_sealed=sealing.seal(session, bank_account, table="store_contract", column="bank_account", row=row),
        bank_account_last4=bank_account[-4:], note_id=await _keep(session, principal, note), **fields,
    )
    session.add(contract)
    try:
        await session.flush()
    except IntegrityError as error:
        raise AlreadyExists("该合同编号已被使用") from error
    audit_service.record(
        session, "store.contract", object_kind="store_contract", object_id=row, area_path=store.area_path, store_id=str(store_id),
        number=contract.number, starts_on=contract.starts_on.isoformat(), ends_on=contract.ends_on.isoformat(),
    )
    return contract


async def end(
    session: AsyncSession, *, principal: Principal, store_id: UUID, contract_id: UUID, seen: int | None, last_day: date, reason: str
) -> StoreContract:
    """Ends a contract early, once, from today on; its owner is told.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition for one that is over or was ended, ValidationFailed.
    """
    store = await queries.access_contracted(session, principal=principal, store_id=store_id)
    contract = await queries_contracts.lock(session, store_id=store_id, contract_id=contract_id)
    expect_version(seen, contract.version)
    today = clock.today()
    if not workflow_contracts.can_end(contract, today):
        raise InvalidTransition(state=workflow_contracts.state(contract, today), allowed=[])
    if not today <= last_day < contract.ends_on:
        raise ValidationFailed.of("body", "ends_on", msg="提前终止日应不早于今天，且早于合同到期日", kind="ends_on")
    contract.end_reason_id = await _keep(session, principal, reason)
    contract.ended_on, contract.ended_by, contract.ended_at = last_day, principal.account_id, clock.now()
    contract.version += 1
    session.add(contract)
    await session.flush()
    audit_service.record(
        session, "store.end_contract", object_kind="store_contract", object_id=contract.id, area_path=store.area_path,
        store_id=str(store_id), ended_on=last_day.isoformat(),
    )
    body = f"“{store.name}”的合同（{contract.number}）将提前终止，最后一天为 {last_day:%Y年%m月%d日}，原因见合同页。"
    await _tell(session, contract, await _owners(session, store_id), "合同提前终止", body)
    return contract


async def remind(session: AsyncSession, *, contract_id: UUID) -> bool:
    """Tells owner and administrators that a contract ends soon; False when they heard it before, or when another one follows."""
    contract = await session.get(StoreContract, contract_id)
    if contract is None or contract.ended_on is not None:
        return False
    claimed = await session.exec(
        insert(StoreContractReminder)
        .values(contract_id=contract_id)
        .on_conflict_do_nothing()
        .returning(col(StoreContractReminder.contract_id))
    )
    if claimed.first() is None or await queries_contracts.followed(session, contract):
        return False
    store = await queries.get(session, contract.store_id)
    administrators = await auth_queries.covering(session, area_path=store.area_path, roles=[Role.AREA_ADMIN])
    body = (
        f"“{store.name}”的合同（{contract.number}）将于 {contract.ends_on:%Y年%m月%d日} 到期。"
        "到期后该店不再接受新的兑换，已售出的兑换码仍可核销；如需继续合作，请及时续签。"
    )
    await _tell(session, contract, {*await _owners(session, store.id), *administrators}, "商家合同即将到期", body)
    return True


async def _keep(session: AsyncSession, principal: Principal, text: str | None) -> UUID | None:
    if text is None:
        return None
    kept = StoreText(author_id=principal.account_id, text=text)
    session.add(kept)
    await session.flush()
    return kept.id


async def _owners(session: AsyncSession, store_id: UUID) -> set[UUID]:
    staff = await auth_queries.people_at(session, scope_type=ScopeType.STORE, scope_id=store_id)
    return {account_id for account_id, role in staff if role is Role.STORE_OWNER}


async def _tell(session: AsyncSession, contract: StoreContract, people: set[UUID], title: str, body: str) -> None:
    for account_id in sorted(people):
        await messages_service.send(
            session, member_id=account_id, category="system", title=title, body=body, path=PAGE.format(id=contract.store_id),
            reference=("store_contract", contract.id, contract.number),
        )

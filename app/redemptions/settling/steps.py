"""What the steps of a settlement have in common: the row is locked, the rules are asked, the step is written down, people are told."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import expect_version
from app.messages import service as messages_service
from app.redemptions import queries_settlements, workflow, workflow_settlements
from app.redemptions.models import RedemptionText, Settlement, SettlementCorrection, SettlementStatus
from app.stores import queries as stores_queries
from app.stores import workflow as stores_workflow
from app.stores.models import Store
from app.workdays import queries as workdays_queries


def standing(principal: Principal, store: Store) -> workflow.Standing:
    return workflow.Standing(stores_workflow.owns(principal, store), stores_workflow.administers(principal, store))


async def lock_for(
    name: str, session: AsyncSession, principal: Principal, store_id: UUID, month: date, seen: int | None
) -> tuple[Store, Settlement]:
    """The store and the locked settlement, when the caller may give this command now."""
    store = await stores_queries.access_run(session, principal=principal, store_id=store_id)
    settlement = await queries_settlements.settlement(session, store_id=store_id, month=month, lock=True)
    workflow.require_giver(name, standing(principal, store))
    if settlement is not None:
        expect_version(seen, settlement.version)
    late = workflow_settlements.is_late(settlement, await queries_settlements.today(session))
    require(name, principal, store, settlement, late=late)
    assert settlement is not None  # no command but `close` starts from an open month
    return store, settlement


def require(
    name: str, principal: Principal, store: Store, settlement: Settlement | None, *, ended: bool = False, late: bool = False
) -> None:
    status = SettlementStatus.OPEN if settlement is None else settlement.status
    workflow.require_settlement(name, status, standing=standing(principal, store), ended=ended, late=late)


async def move(session: AsyncSession, name: str, settlement: Settlement, store: Store) -> Settlement:
    settlement.status = workflow.SETTLEMENT[name].end
    settlement.version += 1
    session.add(settlement)
    record(session, f"settlement.{name}", settlement, store)
    await session.flush()
    return settlement


async def write(session: AsyncSession, principal: Principal, sentence: str) -> RedemptionText:
    text = RedemptionText(author_id=principal.account_id, text=sentence)
    session.add(text)
    await session.flush()
    return text


async def after_workdays(session: AsyncSession, now: datetime, days: int) -> date:
    """The local day on which so many working days are over."""
    return clock.local_day(await workdays_queries.add_days(session, start=now, days=days))


def record(session: AsyncSession, action: str, settlement: Settlement, store: Store, **facts: Any) -> None:
    audit_service.record(
        session, action, object_kind="settlement", object_id=settlement.id, area_path=store.area_path, store_id=str(store.id),
        month=f"{settlement.month:%Y-%m}", **facts,
    )


async def tell_owners(session: AsyncSession, store: Store, about: Settlement | SettlementCorrection, title: str, body: str) -> None:
    staff = await auth_queries.people_at(session, scope_type=ScopeType.STORE, scope_id=store.id)
    owners = sorted({account_id for account_id, role in staff if role is Role.STORE_OWNER})
    await tell(session, owners, about, title, f"{store.name}：{body}")


async def tell(
    session: AsyncSession, account_ids: Collection[UUID], about: Settlement | SettlementCorrection, title: str, body: str
) -> None:
    for account_id in account_ids:
        await messages_service.send(
            session, member_id=account_id, category="system", title=title, body=body,
            path=f"pages/settlements/detail?store_id={about.store_id}&month={about.month:%Y-%m}",
            reference=(str(about.__tablename__), about.id, None),
        )

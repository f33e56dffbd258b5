"""Contracts as answers."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from app import clock
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.stores import queries_contracts, workflow, workflow_contracts
from app.stores.models import Store
from app.stores.models_contracts import StoreContract
from app.stores.schemas_contracts import ContractOut

SHOWN = {"id", "number", "signed_on", "starts_on", "ends_on", "payee_name", "bank_name", "pay_within_days", "ended_on", "version"}


async def shown(session: AsyncSession, principal: Principal, store: Store, rows: Sequence[StoreContract]) -> list[ContractOut]:
    written = await queries_contracts.sentences(session, rows)
    today, may = clock.today(), workflow.contracts_with(principal, store)
    return [_out(row, written, today, may_end=may and workflow_contracts.can_end(row, today)) for row in rows]


async def one(session: AsyncSession, principal: Principal, row: StoreContract, store: Store) -> ContractOut:
    return (await shown(session, principal, store, [row]))[0]


def _out(row: StoreContract, written: Mapping[UUID | None, str | None], today: date, *, may_end: bool) -> ContractOut:
    return ContractOut.model_validate(
        row.model_dump(include=SHOWN)
        | {
            "state": workflow_contracts.state(row, today), "bank_account": f"****{row.bank_account_last4}", "at": row.created_at,
            "note": written.get(row.note_id), "end_reason": written.get(row.end_reason_id), "allowed": ["end"] if may_end else [],
        }
    )

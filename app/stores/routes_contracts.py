"""`/stores/{id}/contracts`: on what terms a store is paid."""

from uuid import UUID

from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.stores import queries, queries_contracts, views_contracts
from app.stores.schemas_contracts import ContractEndIn, ContractIn, ContractOut
from app.stores.service import contracting

router = routing.router("/stores", tag="商家")


@router.post("/{store_id}/contracts", status_code=201, summary="登记商家合同")
async def sign(store_id: UUID, body: ContractIn, principal: SignedIn, session: Session) -> ContractOut:
    fields = body.model_dump(exclude={"bank_account", "note"})
    contract = await contracting.sign(
        session, principal=principal, store_id=store_id, bank_account=body.bank_account, note=body.note, fields=fields
    )
    return await views_contracts.one(session, principal, contract, await queries.get(session, store_id))


@router.get("/{store_id}/contracts", summary="商家合同（店主和管理员可见）")
async def contracts(store_id: UUID, principal: SignedIn, session: ReadSession, page: Paging) -> Page[ContractOut]:
    store = await queries.access_run(session, principal=principal, store_id=store_id)
    found = await queries_contracts.contracts(session, store_id=store_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda contract: contract.id)
    return Page[ContractOut].model_validate(page_of(await views_contracts.shown(session, principal, store, rows), cursor))


@router.post("/{store_id}/contracts/{contract_id}/end", summary="提前终止商家合同")
async def end(
    store_id: UUID, contract_id: UUID, body: ContractEndIn, principal: SignedIn, session: Session, if_match: IfMatch
) -> ContractOut:
    contract = await contracting.end(
        session, principal=principal, store_id=store_id, contract_id=contract_id, seen=if_match, last_day=body.ends_on, reason=body.reason
    )
    return await views_contracts.one(session, principal, contract, await queries.get(session, store_id))

"""`/points/freezes`: where redemption stands still because the books do not balance, and letting it go on."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.areas import queries as areas_queries
from app.auth import routing
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn
from app.invariants import service, views
from app.invariants.schemas import FreezeOut, LiftIn
from app.pagination import Page, Paging, page_of
from app.points import queries_freezes

router = routing.router("/points/freezes", tag="积分")


@router.get("", summary="账目异常暂停兑换的区域", response_model=Page[FreezeOut])
async def freezes(
    principal: SignedIn, session: ReadSession, paging: Paging,
    open: Annotated[bool | None, Query(description="true 只看未解除的，false 只看已解除的")] = None,
) -> Any:
    found = await queries_freezes.freezes(session, principal=principal, open=open, limit=paging.limit, after=paging.after)
    page, cursor = paging.cut(found, lambda row: row[0].id)
    areas = await areas_queries.by_paths(session, [row.area_path for row, _ in page])
    return page_of([views.freeze(row, note, areas, principal) for row, note in page], cursor)


@router.post("/{freeze_id}/lift", summary="恢复该区域的兑换")
async def lift(freeze_id: UUID, body: LiftIn, principal: SignedIn, session: Session, if_match: IfMatch) -> FreezeOut:
    row = await service.lift(session, principal=principal, freeze_id=freeze_id, seen=if_match, note=body.note)
    areas = await areas_queries.by_paths(session, [row.area_path])
    return FreezeOut.model_validate(views.freeze(row, body.note, areas, principal))

"""`/points/shortlists`: who meets a year's rule, for people to decide among."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query

from app.auth import routing
from app.auth.routing import AuditedSession, IfMatch, ReadSession, Session, SignedIn
from app.pagination import Page, Paging, page_of
from app.publicity import queries_shortlists, reading, service, views
from app.publicity.schemas import ID
from app.publicity.schemas_shortlists import ShortlistDecisionIn, ShortlistIn, ShortlistOut, ShortlistWithCandidates

router = routing.router("/points/shortlists", tag="积分")
ShortlistId = Annotated[UUID, Path(description="候选名单编号", examples=[ID])]
YearQuery = Annotated[int | None, Query(ge=2020, le=2100, description="年度", examples=[2026])]


@router.post("", status_code=201, summary="按规则生成年度评选候选名单（区县管理员）", response_model=ShortlistWithCandidates)
async def make(body: ShortlistIn, principal: SignedIn, session: Session) -> Any:
    made = await service.make_shortlist(session, principal=principal, **body.model_dump())
    return await views.shortlist(session, principal, made)


@router.get("", summary="年度评选候选名单列表（区域管理员）", response_model=Page[ShortlistOut])
async def shortlists(principal: SignedIn, session: ReadSession, paging: Paging, year: YearQuery = None) -> Any:
    found = await queries_shortlists.shortlists(session, principal=principal, year=year, limit=paging.limit, after=paging.after)
    rows, cursor = paging.cut(found, lambda row: row.id)
    return page_of(await views.shortlists(session, principal, rows), cursor)


@router.get("/{shortlist_id}", summary="年度评选候选名单（区域管理员，实名）", response_model=ShortlistWithCandidates)
async def shortlist(shortlist_id: ShortlistId, principal: SignedIn, session: AuditedSession) -> Any:
    return await reading.shortlist(session, principal=principal, shortlist_id=shortlist_id)


@router.post("/{shortlist_id}/decide", summary="评定（须由另一人）", response_model=ShortlistWithCandidates)
async def decide(shortlist_id: ShortlistId, body: ShortlistDecisionIn, principal: SignedIn, session: Session, if_match: IfMatch) -> Any:
    decided = await service.decide(session, principal=principal, shortlist_id=shortlist_id, seen=if_match, **body.model_dump())
    return await views.shortlist(session, principal, decided)

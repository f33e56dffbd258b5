"""`/reports/inbox`: what waits for the caller, and how much of it."""

from app.auth import routing
from app.auth.routing import ReadSession, SignedIn
from app.inbox import queries, views
from app.inbox.params import InboxQuery, OfArea
from app.inbox.schemas import InboxCounts, InboxItem
from app.pagination import Page, Paging

router = routing.router("/reports", tag="上报")


@router.get("/inbox", summary="工作人员待办")
async def inbox(principal: SignedIn, session: ReadSession, page: Paging, asked: InboxQuery) -> Page[InboxItem]:
    found = await queries.inbox(session, principal=principal, asked=asked, limit=page.limit, after=page.after)
    return Page[InboxItem].model_validate(views.page(session, principal, found, page))


@router.get("/inbox/counts", summary="工作人员待办的数量")
async def counts(principal: SignedIn, session: ReadSession, area_id: OfArea = None) -> InboxCounts:
    return InboxCounts.model_validate(await views.counts(session, principal, area_id))

"""`/reports/search`: staff look for reports by words and by number."""

from typing import Annotated

from fastapi import Depends, Query

from app.auth import routing
from app.auth.routing import ReadSession, SignedIn
from app.errors import ValidationFailed
from app.inbox import views_search
from app.inbox.params import ByStatus, From, OfArea, OfCategory, To, asked
from app.inbox.queries import Asked
from app.pagination import Page, Paging
from app.reports import search
from app.reports.answers import ReportItem
from app.reports.search import Sought

router = routing.router("/reports", tag="上报")


async def sought(
    q: Annotated[str, Query(min_length=2, max_length=60, description="词语（空格隔开，须都出现）、编号或编号末六位", examples=["井盖"])],
) -> Sought:
    """Raises ValidationFailed for less than two characters side by side."""
    found = search.sought(q)
    if not found.pairs:
        raise ValidationFailed.of("query", "q", msg="请至少输入两个相连的字", kind="too_short")
    return found


async def narrowed(
    status: ByStatus = None, category_code: OfCategory = None, area_id: OfArea = None, first: From = None, last: To = None
) -> Asked:
    return await asked(status=status, category_code=category_code, area_id=area_id, first=first, last=last)


@router.get("/search", summary="搜索上报（工作人员）")
async def find(
    principal: SignedIn, session: ReadSession, page: Paging,
    what: Annotated[Sought, Depends(sought)], where: Annotated[Asked, Depends(narrowed)],
) -> Page[ReportItem]:
    return Page[ReportItem].model_validate(await views_search.page(session, principal, what, where, page))

"""`/reports/categories`."""

from app.auth import routing
from app.auth.routing import ReadSession, SignedIn
from app.categories import queries, views
from app.categories.schemas import CategoryOut

router = routing.router("/reports", tag="上报")


@router.get("/categories", summary="问题类别")
async def categories(principal: SignedIn, session: ReadSession) -> list[CategoryOut]:
    return [CategoryOut.model_validate(node) for node in views.tree(await queries.in_use(session))]

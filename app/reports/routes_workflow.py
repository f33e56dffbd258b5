"""`/reports/workflow`: the transition table that the commands run by, as it is."""

from app.auth import routing
from app.auth.routing import SignedIn
from app.reports import published
from app.reports.published import Workflow
from app.reports.routes_commands import router as commands

router = routing.router("/reports", tag="上报")


@router.get("/workflow", summary="上报流程表")
async def table(principal: SignedIn) -> Workflow:
    return Workflow.model_validate(published.table(commands.routes))

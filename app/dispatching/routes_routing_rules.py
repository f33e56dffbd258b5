"""`/routing-rules/dry-run`: what changed rules would have done with the reports of last month. The rules themselves are of `units`."""

from app.auth import routing
from app.auth.routing import ReadSession, SignedIn
from app.dispatching import views_trial
from app.dispatching.schemas_trial import DryRunIn, DryRunOut

router = routing.router("/routing-rules", tag="派单规则")


@router.post("/dry-run", summary="试算派单规则的改动（区域管理员），不保存")
async def dry_run(body: DryRunIn, principal: SignedIn, session: ReadSession) -> DryRunOut:
    return DryRunOut.model_validate(await views_trial.dry_run(session, principal, body))

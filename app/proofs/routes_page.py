"""`/p/{code}`, at the root: what an employer opens to check a proof."""

from typing import Annotated

from fastapi import Path
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import AuditedSession
from app.proofs import page
from app.proofs.schemas import CODE

router = routing.router("/p", tag="停留证明", base="")
# No limit of length: a browser hears of a wrong address by a page, not by a problem document.
Code = Annotated[str, Path(description="证明编号", examples=[CODE])]


@router.head("/{proof_code}", include_in_schema=False)
@router.get("/{proof_code}", summary="停留证明的核验页", response_class=HTMLResponse)
@policy(public=True)
async def proof_page(proof_code: Code, session: AuditedSession) -> Response:
    return await page.checked(session, proof_code)

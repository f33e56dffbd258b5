"""`/reports/{id}/proof` and the public check of a code. `/reports/proofs/…` stands before `/reports/{id}`."""

from typing import Annotated, Any
from uuid import UUID

from anyio import to_thread
from fastapi import Path, Query
from starlette.responses import Response

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import AuditedSession, ReadSession, SignedIn
from app.proofs import service, views
from app.proofs.schemas import CODE, ProofCheckOut, ProofOut
from app.qrcodes import pictures

router = routing.router("/reports", tag="停留证明")
PNG: dict[int | str, dict[str, Any]] = {200: {"description": "二维码图片", "content": {"image/png": {}}}}
ProofCode = Annotated[str, Path(max_length=64, description="证明编号", examples=[CODE])]
Signature = Annotated[str | None, Query(max_length=64, description="要核对的签名", examples=["5f2c8d1e0b7a4d2f9c3e6a1b8d7f0e4c"])]


@router.get("/{report_id}/proof", summary="停留证明（本人）")
async def proof(report_id: UUID, principal: SignedIn, session: AuditedSession) -> ProofOut:
    told = await service.of_own(session, principal=principal, report_id=report_id)
    return ProofOut.model_validate(views.own(session, told))


@router.get("/proofs/{proof_code}", summary="核验停留证明（公开）")
@policy(public=True)
async def check(proof_code: ProofCode, session: AuditedSession, signature: Signature = None) -> ProofCheckOut:
    told = await service.check(session, code=service.read(proof_code))
    return ProofCheckOut.model_validate(views.checked(session, told, signature))


@router.get("/proofs/{proof_code}/image", summary="证明核验页的二维码图片", response_class=Response, responses=PNG)
@policy(public=True)
async def image(proof_code: ProofCode, session: ReadSession) -> Response:
    """Drawn from the code alone: nothing is looked up, and nothing is told of whether it is worth something."""
    picture = await to_thread.run_sync(pictures.ordinary, views.check_url(session, service.read(proof_code)))
    headers = {"Cache-Control": "public, max-age=86400", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(picture, media_type="image/png", headers=headers)

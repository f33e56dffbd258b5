"""`/qrcodes`: printed codes."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from starlette.responses import Response

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import IfMatch, ReadSession, Session, SignedIn, Store, WeChat
from app.pagination import Page, Paging, page_of
from app.qrcodes import pictures, queries, service, views
from app.qrcodes.schemas import EXAMPLE, SCENE, QrCodeIn, QrCodeOut, ScannedOut

router = routing.router("/qrcodes", tag="二维码")

PNG: dict[int | str, dict[str, Any]] = {200: {"description": "二维码图片", "content": {"image/png": {}}}}
Scene = Annotated[str, Path(max_length=64, description="码中的场景值，或手工输入的邀请码", examples=[SCENE])]
QrCodeId = Annotated[UUID, Path(description="二维码编号", examples=[EXAMPLE["id"]])]


@router.post("", status_code=201, summary="生成二维码")
async def issue(body: QrCodeIn, principal: SignedIn, session: Session) -> QrCodeOut:
    code = await service.issue(
        session, principal=principal, purpose=body.purpose, target_id=body.target_id, title=body.title, expires_at=body.expires_at,
        max_uses=body.max_uses,
    )
    return await views.one(session, principal, code)


@router.get("", summary="管理范围内的二维码")
async def qrcodes(principal: SignedIn, session: ReadSession, page: Paging) -> Page[QrCodeOut]:
    found = await queries.issued(session, principal=principal, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return Page[QrCodeOut].model_validate(page_of(await views.issued(session, principal, rows), cursor))


@router.post("/{qrcode_id}/deactivate", summary="停用二维码")
async def deactivate(qrcode_id: QrCodeId, principal: SignedIn, session: Session, if_match: IfMatch) -> QrCodeOut:
    code = await service.deactivate(session, principal=principal, qrcode_id=qrcode_id, seen=if_match)
    return await views.one(session, principal, code)


@router.get("/{scene}", summary="扫码打开的内容")
@policy(public=True)
async def scanned(scene: Scene, session: ReadSession) -> ScannedOut:
    return await views.scanned(session, await queries.resolve(session, scene))


@router.get("/{scene}/image", summary="二维码图片", response_class=Response, responses=PNG)
@policy(public=True)
async def image(scene: Scene, session: ReadSession, store: Store, wechat: WeChat) -> Response:
    code = await queries.resolve(session, scene)
    url = views.landing_url(session, code.scene)
    await session.close()  # no connection waits while the store or WeChat answers
    picture, seconds = await pictures.png(store, wechat, qrcode_id=code.id, scene=code.scene, landing_url=url)
    headers = {"Cache-Control": f"public, max-age={seconds}", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(picture, media_type="image/png", headers=headers)

"""Taking photos in and showing them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import File, Path, Query, UploadFile
from starlette.responses import Response

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, Session, SignedIn, Store
from app.db.session import AsyncSession
from app.storage.store import ObjectStore
from app.uploads import darkroom, developed, keeping, links, queries, service
from app.uploads.queries import Object
from app.uploads.schemas import UploadedOut

router = routing.router("/uploads", tag="照片")

EXAMPLE_ID = "0193f1c2-7a10-7c3e-9a53-1f2f0b6f2a11"
JPEG: dict[int | str, dict[str, Any]] = {200: {"description": "照片", "content": {"image/jpeg": {}}}}
ORIGINAL: dict[int | str, dict[str, Any]] = {
    200: {"description": "原图", "content": {kind: {} for kind in developed.SUFFIXES}}
}
UploadId = Annotated[UUID, Path(examples=[EXAMPLE_ID])]
Expires = Annotated[str, Query(max_length=20, description="失效时间（秒）", examples=["1795591200"])]
Signature = Annotated[str, Query(max_length=64, description="签名", examples=["5f2c8d1e0b7a4d2f9c3e6a1b8d7f0e4c"])]


@router.post("", status_code=201, summary="上传照片")
async def upload(
    principal: SignedIn, session: Session, store: Store,
    file: Annotated[UploadFile, File(description="JPEG、PNG、WebP 或 HEIC，不超过 10 MB、5000 万像素")],
) -> UploadedOut:
    picture = await darkroom.read(file)
    kept = await keeping.keep(store, picture)
    return links.told(session, await service.create(session, member_id=principal.account_id, kept=kept))


@router.get("/{upload_id}", summary="查看照片（需登录）", response_class=Response, responses=JPEG)
async def show(principal: SignedIn, session: ReadSession, store: Store, upload_id: UploadId) -> Response:
    found = await queries.access(session, principal=principal, upload_id=upload_id)
    return await _photo(session, store, found, cache="no-store")


@router.get("/{upload_id}/original", summary="下载原图（经办人员，须再次验证，留痕）", response_class=Response, responses=ORIGINAL)
@policy(step_up=True)
async def original(principal: SignedIn, reader: ReadSession, session: Session, store: Store, upload_id: UploadId) -> Response:
    found = await queries.access_original(reader, principal=principal, upload_id=upload_id)
    answer = await _photo(reader, store, found.object, cache="no-store", name="original")
    service.note_original(session, upload_id=upload_id, shown=found)
    return answer


@router.get("/{upload_id}/view", summary="查看照片（签名链接）", response_class=Response, responses=JPEG)
@policy(public=True)
async def view(session: ReadSession, store: Store, upload_id: UploadId, e: Expires = "", s: Signature = "") -> Response:
    found = await queries.access_signed(session, upload_id=upload_id, variant="view", expires=e, signature=s)
    return await _photo(session, store, found, cache=f"private, max-age={found.max_age}")


@router.get("/{upload_id}/medium", summary="查看中图（签名链接，最长边 1080）", response_class=Response, responses=JPEG)
@policy(public=True)
async def medium(session: ReadSession, store: Store, upload_id: UploadId, e: Expires = "", s: Signature = "") -> Response:
    found = await queries.access_signed(session, upload_id=upload_id, variant="medium", expires=e, signature=s)
    return await _photo(session, store, found, cache=f"private, max-age={found.max_age}")


@router.get("/{upload_id}/thumb", summary="查看缩略图（签名链接）", response_class=Response, responses=JPEG)
@policy(public=True)
async def thumb(session: ReadSession, store: Store, upload_id: UploadId, e: Expires = "", s: Signature = "") -> Response:
    found = await queries.access_signed(session, upload_id=upload_id, variant="thumb", expires=e, signature=s)
    return await _photo(session, store, found, cache=f"private, max-age={found.max_age}")


async def _photo(session: AsyncSession, store: ObjectStore, found: Object, *, cache: str, name: str = "photo") -> Response:
    """The bytes, after the database connection is given back: the store may take seconds."""
    await session.close()
    suffix = developed.SUFFIXES[found.content_type]
    headers = {
        "Cache-Control": cache, "X-Content-Type-Options": "nosniff", "Content-Disposition": f'attachment; filename="{name}.{suffix}"',
        "Content-Security-Policy": "default-src 'none'", "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return Response(await store.get(found.key), media_type=found.content_type, headers=headers)

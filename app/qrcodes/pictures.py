"""The picture of a code: WeChat's own, kept after it was drawn once; an ordinary one of the landing page while WeChat is away."""

import io
from uuid import UUID

import segno
from anyio import to_thread

from app.errors import Busy, NotFound, StorageFull, WeChatUnavailable
from app.observability import get_logger
from app.storage.store import ObjectStore
from app.wechat.client import WeChatClient

log = get_logger(__name__)

FOLDER = "qrcodes"
KEPT_SECONDS, STOPGAP_SECONDS = 86_400, 60


async def png(store: ObjectStore, wechat: WeChatClient, *, qrcode_id: UUID, scene: str, landing_url: str) -> tuple[bytes, int]:
    """The PNG, and for how many seconds a cache may keep it. No transaction may be open: WeChat and the store may take seconds.

    Codes of a mini program before its release are not kept.
    """
    key = f"{FOLDER}/{qrcode_id}.png"
    try:
        return await store.get(key), KEPT_SECONDS
    except (NotFound, Busy):
        pass
    try:
        picture = await wechat.unlimited_qrcode(scene)
    except WeChatUnavailable:
        return await to_thread.run_sync(ordinary, landing_url), STOPGAP_SECONDS
    if not wechat.released:
        return picture, STOPGAP_SECONDS
    await _keep(store, key, picture)
    return picture, KEPT_SECONDS


async def _keep(store: ObjectStore, key: str, picture: bytes) -> None:
    """Another request may have kept the same picture first; a store that is full only means that WeChat is asked again."""
    try:
        await store.put(key, picture)
    except (Busy, StorageFull) as refusal:
        log.info("qrcode.not_kept", code=refusal.code)


def ordinary(landing_url: str) -> bytes:
    out = io.BytesIO()
    segno.make(landing_url, error="m", micro=False).save(out, kind="png", scale=10, border=4)
    return out.getvalue()

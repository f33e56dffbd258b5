"""Addresses of photos. An `<image>` sends no token, so two of them are signed, for everyone who holds them and for minutes only."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from app import clock
from app.db.session import AsyncSession
from app.errors import NotFound
from app.security import sealing
from app.uploads import workflow
from app.uploads.models import Upload
from app.uploads.schemas import PhotoOut, UploadOut

PURPOSE = "upload-link"
Variant = Literal["view", "thumb"]
Kind = Literal["before", "after", "reopen"]


def uploaded(session: AsyncSession, upload: Upload) -> UploadOut:
    return UploadOut(
        id=upload.id, url=url(session, upload.id), view_url=signed(session, upload.id, "view"),
        thumb_url=signed(session, upload.id, "thumb"), width=upload.width, height=upload.height, content_type="image/jpeg",
    )


def photo(session: AsyncSession, upload: Upload, kind: Kind) -> PhotoOut:
    """A photo for an answer to somebody who may see it: the links in it open it for whoever holds them."""
    return PhotoOut(
        id=upload.id, kind=kind, url=url(session, upload.id), view_url=signed(session, upload.id, "view"),
        thumb_url=signed(session, upload.id, "thumb"), width=upload.width, height=upload.height,
    )


def url(session: AsyncSession, upload_id: UUID) -> str:
    """The address that wants the token."""
    base: str = session.info["public_base_url"]
    return f"{base.rstrip('/')}/api/v1/uploads/{upload_id}"


def signed(session: AsyncSession, upload_id: UUID, variant: Variant, *, life: timedelta = workflow.LINK_LIFE) -> str:
    """An address that works without a token until `life` after the last 5-minute mark; the same text all through those 5 minutes."""
    expires = str(workflow.link_expiry(clock.now(), life))
    signature = sealing.sign(session, PURPOSE, _message(upload_id, variant, expires)).hex()
    return f"{url(session, upload_id)}/{variant}?e={expires}&s={signature}"


def expiry(session: AsyncSession, upload_id: UUID, variant: Variant, *, expires: str, signature: str) -> int:
    """Seconds since 1970 at which this link dies; it may be dead already. Raises NotFound for a link that we did not sign."""
    try:
        given = bytes.fromhex(signature)
    except ValueError:
        raise NotFound from None
    ours = sealing.verify_signature(session, PURPOSE, _message(upload_id, variant, expires), given)
    if not ours or given.hex() != signature:
        raise NotFound
    return int(expires)


def _message(upload_id: UUID, variant: Variant, expires: str) -> bytes:
    return f"{upload_id}|{variant}|{expires}".encode()

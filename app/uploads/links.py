"""Addresses of photos. An `<image>` sends no token, so three of them are signed, for everyone who holds them and for minutes only."""

from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from itertools import islice
from typing import Literal, get_args
from uuid import UUID

from app import clock
from app.areas.schemas import place_out
from app.db.session import AsyncSession
from app.errors import NotFound
from app.security import sealing
from app.uploads import taken_sealed, workflow
from app.uploads.models import Checked, Upload
from app.uploads.photos import Photo
from app.uploads.schemas import PhotoOut, PictureOut, UploadedOut, UploadOut

PURPOSE = "upload-link"
Variant = Literal["view", "medium", "thumb"]
Kind = Literal["before", "after", "reopen"]


def uploaded(session: AsyncSession, upload: Upload) -> UploadOut:
    return UploadOut(
        **_addresses(session, upload.id), id=upload.id, width=upload.width, height=upload.height, content_type="image/jpeg"
    )


def told(session: AsyncSession, upload: Upload) -> UploadedOut:
    """The same for who has just sent it, with what the file told of itself."""
    said = taken_sealed.of(session, upload)
    place = place_out(*said.place) if said.place else None
    return UploadedOut(**uploaded(session, upload).model_dump(), taken_at=said.at, place=place)


def photo(session: AsyncSession, upload: Upload | Photo, kind: Kind) -> PhotoOut:
    """A photo for an answer to somebody who may see it: the links in it open it for whoever holds them."""
    checked = None if upload.checked is Checked.PASS else upload.checked
    return PhotoOut(
        **_addresses(session, upload.id), id=upload.id, kind=kind, width=upload.width, height=upload.height, checked=checked
    )


def pictures(session: AsyncSession, uploads: Iterable[Upload], *, whole: bool, most: int | None = None) -> list[PictureOut]:
    """The photos of a public thing: those that have passed the content check, or all of them (`whole`) for who looks after it.

    `most`: no more than these first ones, as a list shows them.
    """
    shown = islice((upload for upload in uploads if whole or upload.checked is Checked.PASS), most)
    return [PictureOut(**_addresses(session, upload.id), id=upload.id, width=upload.width, height=upload.height) for upload in shown]


def _addresses(session: AsyncSession, upload_id: UUID) -> dict[str, str]:
    expires = workflow.link_expiry(clock.now(), workflow.LINK_LIFE)
    return _of_all(sealing.signing_key(session, PURPOSE), session.info["public_base_url"], upload_id, expires)


@lru_cache(maxsize=4_096)
def _of_all(key: bytes, base: str, upload_id: UUID, expires: int) -> dict[str, str]:
    """For five minutes the same to everybody who may see the photo, on every page of every list. Not to be changed."""
    address, until = _url(base, upload_id), str(expires)
    return {"url": address} | {f"{variant}_url": _signed(key, address, upload_id, variant, until) for variant in get_args(Variant)}


def url(session: AsyncSession, upload_id: UUID) -> str:
    """The address that wants the token."""
    return _url(session.info["public_base_url"], upload_id)


def _url(base: str, upload_id: UUID) -> str:
    return f"{base.rstrip('/')}/api/v1/uploads/{upload_id}"


def signed(session: AsyncSession, upload_id: UUID, variant: Variant, *, life: timedelta = workflow.LINK_LIFE) -> str:
    """An address that works without a token until `life` after the last 5-minute mark; the same text all through those 5 minutes."""
    expires = str(workflow.link_expiry(clock.now(), life))
    return _signed(sealing.signing_key(session, PURPOSE), url(session, upload_id), upload_id, variant, expires)


def _signed(key: bytes, address: str, upload_id: UUID, variant: str, expires: str) -> str:
    return f"{address}/{variant}?e={expires}&s={sealing.signature(key, _message(upload_id, variant, expires)).hex()}"


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


def _message(upload_id: UUID, variant: str, expires: str) -> bytes:
    return f"{upload_id}|{variant}|{expires}".encode()

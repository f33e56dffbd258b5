"""Rows of codes as answers. What belongs to the rows of a page is read for all of them at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import NotFound
from app.qrcodes import links, ports, sms, workflow
from app.qrcodes.links import Link
from app.qrcodes.models import QrCode
from app.qrcodes.schemas import InvitationOut, QrCodeOut, ScannedOut
from app.qrcodes.workflow import State
from app.security import typed_codes

Seen = tuple[bool, dict[str, Any] | None]  # may the caller issue codes of the thing, and how is it described
GONE: Seen = (False, None)
AS_LONG = timedelta(days=1)  # by so little a link may end before its code and still be sent by SMS


async def issued(session: AsyncSession, principal: Principal, rows: Sequence[QrCode]) -> list[QrCodeOut]:
    now, seen = clock.now(), await _targets(session, principal, rows)
    return [_out(session, row, now, *seen.get(row.target_id, GONE)) for row in rows]


async def one(session: AsyncSession, principal: Principal, code: QrCode) -> QrCodeOut:
    return (await issued(session, principal, [code]))[0]


def _out(session: AsyncSession, code: QrCode, now: datetime, may_issue: bool, target: dict[str, Any] | None) -> QrCodeOut:
    allowed = workflow.allowed(code, now, may_issue=may_issue, command="deactivate")
    return QrCodeOut.model_validate(_shared(session, code, now) | {"purpose": code.purpose, "target": target, "allowed": allowed})


def _shared(session: AsyncSession, code: QrCode, now: datetime) -> dict[str, Any]:
    return {
        "id": code.id, "scene": code.scene, "title": code.title, "landing_url": landing_url(session, code.scene),
        "image_url": image_url(session, code.scene), "expires_at": code.expires_at, "max_uses": code.max_uses, "uses": code.uses,
        "active": workflow.state(code, now) is State.ACTIVE, "created_at": code.created_at, "version": code.version,
    }


async def _targets(session: AsyncSession, principal: Principal, rows: Sequence[QrCode]) -> dict[UUID, Seen]:
    """What the codes of a page open, with one statement for each purpose; things that are gone are left out."""
    seen: dict[UUID, Seen] = {}
    for purpose in {row.purpose for row in rows}:
        provider, ids = ports.provider_of(purpose), {row.target_id for row in rows if row.purpose is purpose}
        there = ids if provider.by_ids is None else await provider.by_ids(session, ids)  # held here: the session forgets what nobody holds
        for target_id in there:
            try:
                may_issue = await provider.may_issue(session, principal, target_id)
                seen[target_id] = may_issue, await provider.describe(session, target_id)
            except NotFound:
                continue
    return seen


async def scanned(session: AsyncSession, code: QrCode) -> ScannedOut:
    target = await ports.describe(session, purpose=code.purpose, target_id=code.target_id)
    return ScannedOut(purpose=code.purpose, scene=code.scene, title=code.title, target=target)


async def invitations(session: AsyncSession, principal: Principal, rows: Sequence[QrCode]) -> list[InvitationOut]:
    """Invitations of one organisation, with the links that still work."""
    now, seen = clock.now(), await _targets(session, principal, rows)
    alive = await links.live(session, [row.id for row in rows]) if rows else {}
    return [_invitation(session, row, now, seen.get(row.target_id, GONE), alive.get(row.id)) for row in rows]


async def invitation(session: AsyncSession, principal: Principal, code: QrCode) -> InvitationOut:
    return (await invitations(session, principal, [code]))[0]


def _invitation(session: AsyncSession, code: QrCode, now: datetime, seen: Seen, link: Link | None) -> InvitationOut:
    may_issue, target = seen
    typed = typed_codes.grouped(code.scene.upper())
    name = str(target["name"]) if target else ""
    return InvitationOut.model_validate(
        _shared(session, code, now) | {
            "code": typed, "url_link": link and link.url, "url_link_until": link and link.until,
            "sms_text": sms.text(name=name, code=typed, links=_sendable(session, code, link)),
            "allowed": workflow.allowed(code, now, may_issue=may_issue, command="revoke"),
        }
    )


def _sendable(session: AsyncSession, code: QrCode, link: Link | None) -> list[str]:
    """An SMS is read weeks later: a link that ends long before its code is not sent, the landing page finds a new one."""
    lasting = link is not None and code.expires_at is not None and link.until > code.expires_at - AS_LONG
    return [landing_url(session, code.scene), *([link.url] if link and lasting else [])]


def landing_url(session: AsyncSession, scene: str) -> str:
    return f"{session.info['public_base_url']}/s/{scene}"


def image_url(session: AsyncSession, scene: str) -> str:
    return f"{session.info['public_base_url']}/api/v1/qrcodes/{scene}/image"

"""Rows of codes as answers, and the page that a phone's own scanner opens."""

from collections.abc import Sequence
from html import escape
from typing import Any

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import NotFound
from app.qrcodes import ports, workflow
from app.qrcodes.models import QrCode
from app.qrcodes.schemas import QrCodeOut, ScannedOut

PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:32em;margin:3em auto;padding:0 1.5em;color:#222}}img{{width:12em}}</style>
</head><body><h1>{name}</h1>{title}
<p>请在微信中打开：用微信“扫一扫”扫描海报上的码，或长按下图识别小程序码。</p>
<p><img src="{image}" alt="小程序码"></p>
<p>参加与否完全自愿。</p></body></html>
"""


async def issued(session: AsyncSession, principal: Principal, rows: Sequence[QrCode]) -> list[QrCodeOut]:
    return [await one(session, principal, row) for row in rows]


async def one(session: AsyncSession, principal: Principal, code: QrCode) -> QrCodeOut:
    may_issue, target = await _target(session, principal, code)
    return QrCodeOut.model_validate(
        {
            "id": code.id, "purpose": code.purpose, "scene": code.scene, "landing_url": landing_url(session, code.scene),
            "image_url": image_url(session, code.scene), "title": code.title, "target": target, "active": code.active,
            "created_at": code.created_at, "version": code.version, "allowed": workflow.allowed(code, may_issue=may_issue),
        }
    )


async def _target(session: AsyncSession, principal: Principal, code: QrCode) -> tuple[bool, dict[str, Any] | None]:
    provider = ports.provider_of(code.purpose)
    try:
        return await provider.may_issue(session, principal, code.target_id), await provider.describe(session, code.target_id)
    except NotFound:
        return False, None


async def scanned(session: AsyncSession, code: QrCode) -> ScannedOut:
    target = await ports.describe(session, purpose=code.purpose, target_id=code.target_id)
    return ScannedOut(purpose=code.purpose, scene=code.scene, title=code.title, target=target)


def page(seen: ScannedOut) -> str:
    title = f"<p>{escape(seen.title)}</p>" if seen.title else ""
    return PAGE.format(name=escape(str(seen.target["name"])), title=title, image=f"/api/v1/qrcodes/{seen.scene}/image")


def landing_url(session: AsyncSession, scene: str) -> str:
    return f"{session.info['public_base_url']}/s/{scene}"


def image_url(session: AsyncSession, scene: str) -> str:
    return f"{session.info['public_base_url']}/api/v1/qrcodes/{scene}/image"

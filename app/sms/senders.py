"""Which sender the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.settings import Settings
from app.sms.console import ConsoleSms, NoSms
from app.sms.models import SmsTemplate
from app.sms.port import SmsSender
from app.sms.tencent import TencentAccount, TencentSms


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[SmsSender]:
    """For one job: SMS are few, and a connection that is kept for hours is a dead one."""
    sender = _chosen(settings)
    try:
        yield sender
    finally:
        await sender.aclose()


def _chosen(settings: Settings) -> SmsSender:
    provider = settings.sms_provider or ("off" if settings.production else "console")
    if provider == "tencent":
        return TencentSms(settings.sms_base_url, account(settings))
    return ConsoleSms() if provider == "console" else NoSms()


def account(settings: Settings) -> TencentAccount:
    """Settings have been checked: with this provider nothing of it is missing."""
    pairs = (part.partition(":") for part in (settings.sms_templates or "").split(",") if part)
    templates = {SmsTemplate(name.strip()): number.strip() for name, _, number in pairs if name.strip() in set(SmsTemplate)}
    return TencentAccount(
        secret_id=settings.sms_secret_id or "", secret_key=settings.sms_secret_key or "", app_id=settings.sms_app_id or "",
        sign_name=settings.sms_sign_name or "", templates=templates, region=settings.sms_region,
    )

"""What an employer's browser gets for a code: a page, whatever the code is worth."""

from contextlib import suppress
from datetime import datetime

from starlette.responses import HTMLResponse

from app import clock
from app.db.session import AsyncSession
from app.errors import AppError, CodeMalformed, RateLimited
from app.proofs import service
from app.proofs.errors import ProofNotFound
from app.proofs.workflow import DUTY, Told
from app.qrcodes import pages
from app.qrcodes.words import ABOUT, Refusal
from app.security import typed_codes

LIVE = "本页内容由平台实时给出，并非图片；与他人出示的截图或文字不一致的，以本页为准。"
NO_MORE = "为保护上报人，本页只说明何时、大致在何处因何停留，不显示姓名、电话和上报内容，也没有其他可供查询的信息。"
REFUSALS: dict[type[AppError], Refusal] = {
    CodeMalformed: Refusal("证明编号有误", ("请核对编号：共 12 位字母和数字，不分大小写，横线可以不输。", "也可以重新扫描出示的二维码。")),
    ProofNotFound: Refusal("没有查到有效的停留证明", ("编号可能输错，或者证明已过期、已失效。", "请向出示的人核对编号，或请其重新出示。")),
    RateLimited: Refusal("查询过于频繁", ("请过十分钟再试。",)),
}


async def checked(session: AsyncSession, text: str) -> HTMLResponse:
    """The page of a code; the same for one that is unknown, ran out or did not hold."""
    try:
        return _shown(await service.check(session, code=service.read(text)))
    except (CodeMalformed, ProofNotFound, RateLimited) as refusal:
        for step in refusal.aftermath:  # the guess counts, though no problem document is sent
            with suppress(RateLimited):
                await step(session)
        return pages.refused(REFUSALS[type(refusal)], refusal.status)


def _shown(told: Told) -> HTMLResponse:
    facts = [
        f"停留时间：{_minute(told.stopped_at)}前后",
        f"大致地点：{told.area_name}（东经 {told.lng:.3f}°，北纬 {told.lat:.3f}°，精确到约 100 米）",
        f"事由：{DUTY}",
        f"证明编号：{typed_codes.grouped(told.code)}",
        f"开具时间：{_minute(told.issued_at)}",
        f"有效期至：{_minute(told.valid_until)}",
    ]
    body = [pages.bullets("ul", facts), pages.section("请留意", pages.paragraph(LIVE), pages.paragraph(NO_MORE)), pages.paragraph(ABOUT)]
    return pages.page("停留证明：有效", body, 200)


def _minute(instant: datetime) -> str:
    local = clock.local(instant)
    return f"{local.year} 年 {local.month} 月 {local.day} 日 {local:%H:%M}"

"""What a browser gets for a code: a page, whatever the code is worth."""

from starlette.requests import Request
from starlette.responses import Response

from app.db.session import AsyncSession, Database
from app.errors import AppError, CodeMalformed, NotFound
from app.qrcodes import links, pages, queries, views, words
from app.qrcodes.errors import QrcodeInactive
from app.qrcodes.models import Purpose, QrCode
from app.qrcodes.pages import Shown
from app.security import typed_codes
from app.wechat.client import WeChatClient

HTML = ("text/html", "application/xhtml+xml")
OTHERS = ("application/json", "application/problem+json")


async def page(request: Request, session: AsyncSession, database: Database, wechat: WeChatClient, scene: str) -> Response:
    """The page of a code. WeChat is asked for a link when there is none; never for a HEAD, nor from inside WeChat, which needs none.

    Raises NotFound, QrcodeInactive, CodeMalformed to a client that did not ask for HTML: a browser gets them as a page.
    """
    try:
        code = await queries.resolve(session, scene)
        shown = await _shown(request, session, code)
        link, wanted = await links.look(session, code.id) if shown.opens_program else (None, False)
    except (NotFound, QrcodeInactive, CodeMalformed) as refusal:
        if not asks_for_html(request.headers.get("accept", "")):
            raise
        return _refused(refusal)
    await session.close()  # no connection waits while WeChat answers
    if wanted and request.method == "GET" and not shown.in_wechat:
        link = await links.obtain(database, wechat, code)
    return pages.landing(shown, link.url if link else None)


async def _shown(request: Request, session: AsyncSession, code: QrCode) -> Shown:
    seen = await views.scanned(session, code)
    return Shown(
        purpose=seen.purpose, scene=seen.scene, title=seen.title, target=seen.target, expires_at=code.expires_at,
        typed=typed_codes.grouped(code.scene.upper()) if code.typed else None, opens_program=code.purpose is not Purpose.CERTIFICATE,
        in_wechat="micromessenger" in request.headers.get("user-agent", "").lower(),
    )


def _refused(refusal: AppError) -> Response:
    if isinstance(refusal, QrcodeInactive):
        return pages.refused(words.INACTIVE[refusal.reason], QrcodeInactive.status)
    return pages.refused(words.MISTYPED if isinstance(refusal, CodeMalformed) else words.UNKNOWN, NotFound.status)


def asks_for_html(accept: str) -> bool:
    """Does the client name HTML, and rather than JSON? `*/*` alone is a program that takes what comes."""
    weights = dict(_range(part) for part in accept.split(","))
    html = max(weights.get(name, 0.0) for name in HTML)
    return html > 0 and html >= max(weights.get(name, 0.0) for name in OTHERS)


def _range(text: str) -> tuple[str, float]:
    """One media range and its weight; a weight that is no number counts as none given."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    weight = next((value.removeprefix("q=") for value in parameters if value.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 1.0

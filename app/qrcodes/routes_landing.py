"""`/s/{scene}`, at the root: what a printed code or an invitation's link opens in a phone's browser."""

from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, WeChat
from app.db.session import Database
from app.qrcodes import landing
from app.qrcodes.schemas import SCENE

router = routing.router("/s", tag="二维码", base="")


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


# No limit of length: a browser hears of a wrong address by a page, not by a problem document.
Scene = Annotated[str, Path(description="码中的场景值，或邀请码", examples=[SCENE])]
Data = Annotated[Database, Depends(_database)]


@router.head("/{scene}", include_in_schema=False)
@router.get("/{scene}", summary="在手机浏览器中打开的页面", response_class=HTMLResponse)
@policy(public=True)
async def page(scene: Scene, request: Request, session: ReadSession, database: Data, wechat: WeChat) -> Response:
    return await landing.page(request, session, database, wechat, scene)

"""`wx.request` knows no PATCH: a POST may say which method it means. Done before routing, so everything after sees that method only."""

from starlette.types import ASGIApp, Receive, Scope, Send

HEADER = b"x-http-method-override"
ALLOWED = {b"PATCH": "PATCH", b"PUT": "PUT", b"DELETE": "DELETE"}


class MethodOverride:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            asked = next((value.strip().upper() for name, value in scope["headers"] if name == HEADER), b"")
            if asked in ALLOWED:
                scope = {**scope, "method": ALLOWED[asked]}
        await self.app(scope, receive, send)

"""The span of a request: below the one that a proxy of ours has begun, named by the route's template."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import tracing
from app.figures import route_of


class Traces:
    """Stands outside of everything, where the peer is still who connects to us: only a trusted proxy says to which trace a request belongs.
    Anybody else could mix strangers' requests into one trace."""

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self.app = app
        self._proxies: list[IPv4Network | IPv6Network] = [ip_network(proxy, strict=False) for proxy in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not tracing.on():
            await self.app(scope, receive, send)
            return
        parent, status = self._parent(scope), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with tracing.span("request", "server", parent=parent) as opened:
            try:
                await self.app(scope, receive, watch)
            finally:
                method, route = str(scope["method"])[:8], route_of(scope)
                known = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                opened.set(known | {"xinxin.request_id": tracing.kept_id(_request_id(scope))}, name=f"{method} {route}")

    def _parent(self, scope: Scope) -> str | None:
        """The traceparent of a proxy of ours."""
        given = [value for name, value in scope["headers"] if name == b"traceparent"]
        return given[0].decode("latin-1") if len(given) == 1 and self._trusts(scope) else None

    def _trusts(self, scope: Scope) -> bool:
        try:
            peer = ip_address((scope.get("client") or ("",))[0])
        except ValueError:
            return False
        return any(peer in network for network in self._proxies)


def _request_id(scope: Scope) -> str | None:
    found: str | None = scope.get("state", {}).get("request_id")
    return found

"""Which route answers, found by a look into a table: the framework would try one path pattern after the other, hundreds of them."""

from collections import defaultdict
from collections.abc import Sequence

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

HEAD = 4  # segments that hold no parameters: of /api/v1/reports the empty one before it, too
Key = tuple[str, int, tuple[str, ...]]


class Directory:
    """In front of a router. What stands in no line (a wrong method or path, a page at the root) is left to the router."""

    def __init__(self, router: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self.router = router
        self.lines: dict[Key, list[Route]] = defaultdict(list)
        for route in routes:
            if isinstance(route, Route) and _findable(route.path):
                for method in route.methods or ():
                    self.lines[_key(method, route.path)].append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for route in self.lines.get(_key(scope["method"], scope["path"]), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    await route.app(scope, receive, send)
                    return
        await self.router(scope, receive, send)


def _key(method: str, path: str) -> Key:
    return method, path.count("/"), tuple(path.split("/", HEAD)[:HEAD])


def _findable(path: str) -> bool:
    """Whether it has as many segments as any path that it stands for, and says its first ones outright."""
    return ":path}" not in path and not any("{" in segment for segment in path.split("/", HEAD)[:HEAD])
